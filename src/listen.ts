/** Makes a server listen, also on a Unix socket that a killed process left behind, and checks the addresses at a reload. */

import { type Address, formatAddress } from "./config/address.ts";
import { removeSocket, setSocketMode } from "./config/files.ts";
import type { Config } from "./config/types.ts";
import { isAbandoned } from "./upstream/socket.ts";
import type { OpeningConfig } from "./server/opening.ts";
import type { Server } from "./server/server.ts";

/**
 * Makes a server listen. Resolves with the location as a URL or `unix:/path`. Rejects as `Server.listen` does, and if the path is a file
 * that is not a socket. Sets the mode of a Unix socket: with the usual umask only headgate's user could connect, but the process in
 * front of headgate often runs as another user.
 *
 * A killed process leaves its Unix socket behind, and no other process can listen on it. If a connection to it is refused, no process
 * listens there, so headgate removes it. It never removes a file that is not a socket.
 */
export async function listenOn(
  server: Server,
  address: Address,
  opening?: OpeningConfig,
): Promise<string> {
  try {
    return await bind(server, address, opening);
  } catch (error) {
    if (address.kind !== "unix" || !isAddressTaken(error)) throw error;
    if (!(await isAbandoned(address.path))) throw error;
    const { path } = address;
    const message = `cannot listen on ${path}: it is there already, and is no socket`;
    if (!(await removeSocket(path))) throw new Error(message, { cause: error });
    return bind(server, address, opening);
  }
}

async function bind(
  server: Server,
  address: Address,
  opening: OpeningConfig | undefined,
): Promise<string> {
  const location = await server.listen(address, opening);
  try {
    applyMode(address);
  } catch (error) {
    await server.close();
    throw error;
  }
  return location;
}

/** Whether listening failed because another socket, or a file, already has the address. */
export function isAddressTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/** Sets the mode of a listening Unix socket; does nothing for other addresses. Throws Node's error. */
function applyMode(address: Address): void {
  if (address.kind === "unix" && address.mode !== undefined)
    setSocketMode(address.path, address.mode);
}

/**
 * Throws if a listening address has changed. A reload never moves a listening socket: between the old and the new one a connection could be
 * lost.
 */
export function refuseMoved(current: Config, next: Config): void {
  for (const key of ["listen", "admin"] as const) {
    const [before, after] = [current, next].map((config) =>
      toAddresses(config, key).map(toText).join(),
    );
    if (before !== after) throw new Error(`${key} has changed, which needs a restart`);
  }
}

function toAddresses(
  { listen, admin }: Config,
  key: "listen" | "admin",
): readonly (Address | "off")[] {
  return key === "admin" ? [admin] : listen.map(({ address }) => address);
}

/**
 * Sets the modes of Unix sockets that have changed, and no others: after a restart without downtime, the path may already belong to the next
 * process. Throws Node's error.
 */
export function applyModes(current: Config, next: Config): void {
  for (const key of ["listen", "admin"] as const) {
    const before = toAddresses(current, key);
    for (const [index, after] of toAddresses(next, key).entries())
      if (after !== "off" && JSON.stringify(before[index]) !== JSON.stringify(after))
        applyMode(after);
  }
}

function toText(address: Address | "off"): string {
  return address === "off" ? address : formatAddress(address);
}
