/** Listens on the admin port. If the operator did not set its address, headgate can run without it. */

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
 * cannot be opened. Rejects as `listenOn` does.
 */
export async function listenAdmin(
  server: Server,
  { admin, isAdminDefault, listen }: Config,
  logger: Logger,
): Promise<string | undefined> {
  if (admin === "off") return undefined;
  if (isAdminDefault && listen.some(({ address }) => overlap(address, admin)))
    return warnUnavailable(admin, IS_TAKEN, logger);
  try {
    return await listenOn(server, admin);
  } catch (error) {
    const code = isAdminDefault && error instanceof Error && "code" in error && error.code;
    // The operator did not set this address, so headgate serves without it, whatever the reason is.
    if (typeof code !== "string") throw error;
    const reason = isAddressTaken(error) ? IS_TAKEN : `cannot be opened (${code})`;
    return warnUnavailable(admin, reason, logger);
  }
}

const IS_TAKEN = "is taken";

function warnUnavailable(admin: Address, reason: string, logger: Logger): undefined {
  const message = `no admin port: its default address ${formatAddress(admin)} ${reason}; choose another by --admin ADDR or --admin off`;
  logger.warn({}, message);
}
