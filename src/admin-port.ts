/** The address of the admin port, which may be taken while it is the default. */

import { type Address, formatAddress, overlap } from "./config/address.ts";
import type { Config } from "./config/types.ts";
import { isAddressTaken, listenOn } from "./listen.ts";
import type { Logger } from "./ops/log/logger.ts";
import type { Server } from "./server/server.ts";

/** Whether only processes on the same machine can connect. A pod's address is open to the whole cluster. */
export function isLoopback(address: Address | "off"): boolean {
  if (address === "off" || address.kind === "fd") return false;
  return address.kind === "unix" || /^127\.[\d.]+$|^::1$|^localhost$/.test(address.host);
}

/**
 * Makes the server of the admin port listen. Resolves with undefined if there is no admin port: it is off, or its address is the default and
 * another socket has it. Rejects as `listenOn` does.
 */
export async function listenAdmin(
  server: Server,
  { admin, isAdminDefault, listen }: Config,
  logger: Logger,
): Promise<string | undefined> {
  if (admin === "off") return undefined;
  if (isAdminDefault && listen.some(({ address }) => overlap(address, admin)))
    return warnTaken(admin, logger);
  try {
    return await listenOn(server, admin);
  } catch (error) {
    if (isAdminDefault && isAddressTaken(error)) return warnTaken(admin, logger);
    throw error;
  }
}

function warnTaken(admin: Address, logger: Logger): undefined {
  const message = `no admin port: its default address ${formatAddress(admin)} is taken; choose another by --admin ADDR or --admin off`;
  logger.warn({}, message);
}
