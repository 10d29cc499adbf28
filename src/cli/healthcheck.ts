/** `headgate healthcheck`: is the headgate that runs with these settings ready? For images, which have no shell and no curl. */

import { get } from "node:http";

import { type Address, formatAddress } from "../config/address.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/overrides.ts";
import { ConfigError } from "../config/diagnostic.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { readArguments } from "./flags.ts";
import type { Io } from "./io.ts";

// A headgate whose /readyz takes longer takes no traffic either; the image's HEALTHCHECK gives up after 3 s.
const RESPONSE_MS = 2_000;

/** Exit code 0 when /readyz answers 200; 1 with one line that says what it was instead. Takes the flags of `run`. */
export async function healthcheck(args: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(args, {
    values: ["config", "listen", "upstream", "admin", "log-level"],
  });
  const flags = { config: values.get("config"), admin: values.get("admin") };
  const admin = await findAdmin(flags, io);
  // Only the owner of an inherited socket knows its address.
  if (admin === "off" || admin.kind === "fd") {
    io.err(
      "headgate: admin has no address that can be asked; give it one, or run the image without its health check\n",
    );
    return 1;
  }
  const target =
    admin.kind === "unix" ? admin : { ...admin, host: LOOPBACKS.get(admin.host) ?? admin.host };
  const state = await readState(target);
  const url = `${target.kind === "unix" ? "" : "http://"}${formatAddress(target)}/readyz`;
  if (state === "ready") io.out("ready\n");
  else io.err(`headgate: ${url}: ${state}\n`);
  return state === "ready" ? 0 : 1;
}

/** An address that can be connected to. */
type Reachable = Exclude<Address, { readonly kind: "fd" }>;

// Where requests come from and go to plays no part here, and may have been given to `run` alone. No machine has this address (RFC 5737),
// so it is not that of admin either.
const ANYWHERE: Flags = { listen: "127.0.0.1:0", upstream: "http://192.0.2.1" };

async function findAdmin(given: Flags, { env, cwd }: Io): Promise<Address | "off"> {
  const flags = { ...given, ...ANYWHERE };
  try {
    return (await loadConfig({ flags, env, cwd })).config.admin;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A route file that broke after the start: headgate goes on with the one that it read. Called ill, it would be restarted into the
    // broken file. What flags and environment say of admin still counts.
    const { config } = await loadConfig({
      flags: { ...flags, config: undefined },
      env: { ...env, HEADGATE_CONFIG: undefined },
      cwd,
    });
    return config.admin;
  }
}

// A wildcard is an address to listen on, not one to connect to.
const LOOPBACKS = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/** `ready`, or in a few words what is wrong. */
function readState(admin: Reachable): Promise<string> {
  const place = admin.kind === "unix" ? { socketPath: admin.path } : admin;
  return new Promise((resolve) => {
    const request = get({ ...place, path: "/readyz", agent: false, timeout: RESPONSE_MS });
    request.on("response", (response) => {
      response.destroy();
      resolve(response.statusCode === 200 ? "ready" : `answered ${response.statusCode}`);
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
