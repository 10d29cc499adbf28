/** Where a server listens, whoever listened there before. */

import type { Address } from "./config/address.ts";
import { removeSocket, setSocketMode } from "./config/files.ts";
import { isAbandoned } from "./upstream/socket.ts";
import type { Server } from "./net/server.ts";

/**
 * Has a server listen, and says where. Rejects as `listen` does, and where a file is in the way that is no socket. A Unix socket gets
 * its mode: by a usual umask only the user that made it could connect, and a front is often another.
 *
 * A killed process leaves its Unix socket behind, and no later one could listen there. Who is asked and refuses is gone: the
 * socket is no use to anybody. A file that is no socket may be.
 */
export async function listenOn(server: Server, address: Address): Promise<string> {
  try {
    return await open(server, address);
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (address.kind !== "unix" || !isTaken || !(await isAbandoned(address.path))) throw error;
    const { path } = address;
    const message = `cannot listen on ${path}: it is there already, and is no socket`;
    if (!(await removeSocket(path))) throw new Error(message, { cause: error });
    return open(server, address);
  }
}

async function open(server: Server, address: Address): Promise<string> {
  const place = await server.listen(address);
  try {
    applyMode(address);
  } catch (error) {
    await server.close();
    throw error;
  }
  return place;
}

/** Sets the mode of a Unix socket that listens; nothing else has one. Throws node's error. */
export function applyMode(address: Address): void {
  if (address.kind === "unix" && address.mode !== undefined)
    setSocketMode(address.path, address.mode);
}
