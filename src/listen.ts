/** Where a server listens, whoever listened there before. */

import type { Address } from "./config/address.ts";
import { removeSocket } from "./config/files.ts";
import { isAbandoned } from "./upstream/socket.ts";
import type { Server } from "./net/server.ts";

/**
 * Has a server listen, and says where. Rejects as `listen` does, and where a file is in the way that is no socket.
 *
 * A killed process leaves its Unix socket behind, and no later one could listen there. Who is asked and refuses is gone: the
 * socket is no use to anybody. A file that is no socket may be.
 */
export async function listenOn(server: Server, address: Address): Promise<string> {
  try {
    return await server.listen(address);
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (address.kind !== "unix" || !isTaken || !(await isAbandoned(address.path))) throw error;
    const { path } = address;
    const message = `cannot listen on ${path}: it is there already, and is no socket`;
    if (!(await removeSocket(path))) throw new Error(message, { cause: error });
    return server.listen(address);
  }
}
