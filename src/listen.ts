/** Where a server listens, whoever listened there before. */

import type { Address } from "./config/address.ts";
import { removeSocket, setSocketMode } from "./config/files.ts";
import { isAbandoned } from "./upstream/socket.ts";
import type { Server } from "./server/server.ts";

/**
 * Has a server listen, and says where. Rejects as `listen` does, and where a file is in the way that is no socket. It sets the
 * mode of a Unix socket: with a usual umask only headgate's user could connect, and a front often runs as another one.
 *
 * A killed process leaves its Unix socket behind, and no later one could listen there. Who is asked and refuses is gone: the
 * socket is no use to anybody. A file that is no socket may be.
 */
export async function listenOn(server: Server, address: Address): Promise<string> {
  try {
    return await open(server, address);
  } catch (error) {
    if (address.kind !== "unix" || !isAddressTaken(error)) throw error;
    if (!(await isAbandoned(address.path))) throw error;
    const { path } = address;
    const message = `cannot listen on ${path}: it is there already, and is no socket`;
    if (!(await removeSocket(path))) throw new Error(message, { cause: error });
    return open(server, address);
  }
}

async function open(server: Server, address: Address): Promise<string> {
  const location = await server.listen(address);
  try {
    applyMode(address);
  } catch (error) {
    await server.close();
    throw error;
  }
  return location;
}

/** Whether listening failed because another socket, or a file, has the address. */
export function isAddressTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/** Sets the mode of a Unix socket that listens; other addresses have none. Throws node's error. */
export function applyMode(address: Address): void {
  if (address.kind === "unix" && address.mode !== undefined)
    setSocketMode(address.path, address.mode);
}
