/** `headgate healthcheck`: asks the headgate with these settings whether it is ready. For images, which have no shell and no curl. */

import { get } from "node:http";

import { type Address, formatAddress, toLocalHost } from "../config/address.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/overrides.ts";
import { ConfigError } from "../config/diagnostic.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { readArguments } from "./flags.ts";
import type { Io } from "./io.ts";
import { RUN_FLAGS, toSettings } from "./run-flags.ts";

// If /readyz takes longer, headgate does not take traffic either; the image's HEALTHCHECK gives up after 3 s.
const RESPONSE_MS = 2_000;

/** The exit code is 0 if /readyz responds with 200, else 1, and one line names the reason. Accepts the flags of `run`. */
export async function healthcheck(args: readonly string[], io: Io): Promise<number> {
  const flags = toSettings(readArguments(args, { values: RUN_FLAGS }).values);
  const admin = await findAdmin(flags, io);
  // Only the process that passed the socket knows its address.
  if (admin === "off" || admin.kind === "fd") {
    io.err(
      "headgate: admin has no address that can be asked; give it one, or run the image without its health check\n",
    );
    return 1;
  }
  const target = admin.kind === "unix" ? admin : { ...admin, host: toLocalHost(admin.host) };
  const state = await readState(target);
  const url = `${target.kind === "unix" ? "" : "http://"}${formatAddress(target)}/readyz`;
  if (state === "ready") io.out("ready\n");
  else io.err(`headgate: ${url}: ${state}\n`);
  return state === "ready" ? 0 : 1;
}

/** An address that accepts connections. */
type Reachable = Exclude<Address, { readonly kind: "fd" }>;

// The check needs no listen address and no upstream, and only `run` may have them as flags. No machine has this upstream's address
// (RFC 5737), so it cannot be the address of admin.
const ANYWHERE: Flags = { listen: "127.0.0.1:0", upstream: "http://192.0.2.1" };

async function findAdmin(given: Flags, { env, cwd }: Io): Promise<Address | "off"> {
  const flags = { ...given, ...ANYWHERE };
  try {
    return (await loadConfig({ flags, env, cwd })).config.admin;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The route file became invalid after the start, and headgate keeps the configuration that it has. If the check reported it as
    // unhealthy, a restart would load the invalid file. The admin address of flags and environment still counts.
    const { config } = await loadConfig({
      flags: { ...flags, config: undefined },
      env: { ...env, HEADGATE_CONFIG: undefined },
      cwd,
    });
    return config.admin;
  }
}

/** Resolves with `ready`, or with a short reason. */
function readState(admin: Reachable): Promise<string> {
  const place = admin.kind === "unix" ? { socketPath: admin.path } : admin;
  return new Promise((resolve) => {
    const request = get({ ...place, path: "/readyz", agent: false, timeout: RESPONSE_MS });
    request.on("response", (response) => {
      response.destroy();
      resolve(response.statusCode === 200 ? "ready" : `responded with ${response.statusCode}`);
    });
    request.on("timeout", () => {
      const isConnecting = request.socket?.connecting === true;
      request.destroy(
        new ProxyError(isConnecting ? "connection_timeout" : "http_response_timeout"),
      );
    });
    request.on("error", (error) => resolve(toProxyError(error).code.replaceAll("_", " ")));
  });
}
