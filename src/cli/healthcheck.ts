/** `headgate healthcheck`: is the headgate that runs with these settings ready? For images, which have no shell and no curl. */

import type { Address } from "../config/address.ts";
import { readSystemFile } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/overrides.ts";
import { ConfigError } from "../config/problem.ts";
import type { UpstreamConfig } from "../config/types.ts";
import { ProxyError } from "../http/errors.ts";
import { createUpstreamPool, createUpstreamResources } from "../upstream/upstream-pool.ts";
import { readArguments } from "./flags.ts";
import type { Io } from "./io.ts";

// Whoever answers /readyz later than this takes no traffic either; the image's HEALTHCHECK gives up after 3 s.
const RESPONSE_MS = 2_000;

/** Exit code 0 when /readyz answers 200; 1 with one line that says what it was instead. Takes the flags of `run`. */
export async function healthcheck(args: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(args, {
    values: ["config", "listen", "upstream", "admin", "log-level"],
  });
  const flags = { config: values.get("config"), admin: values.get("admin") };
  const admin = toUrl(await findAdmin(flags, io));
  if (admin === undefined) {
    io.err(
      "headgate: admin has no address that can be asked; give it one, or run the image without its health check\n",
    );
    return 1;
  }
  const { isReady, answer } = await ask(admin, io);
  if (isReady) io.out(`${answer}\n`);
  else io.err(`headgate: ${admin}/readyz: ${answer}\n`);
  return isReady ? 0 : 1;
}

// Where requests come from and go to plays no part here, and may have been said to `run` alone.
// RFC 5737: nobody has this address, so it is not that of admin either.
const ANYWHERE: Flags = { listen: "127.0.0.1:0", upstream: "http://192.0.2.1" };

async function findAdmin(given: Flags, { env, cwd }: Io): Promise<Address | "off"> {
  const flags = { ...given, ...ANYWHERE };
  try {
    return (await loadConfig({ flags, env, cwd })).config.admin;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A route file that broke after the start: headgate goes on with the one that it read, so it must not be called ill, and
    // restarted into the broken file, for that. What flags and environment say of admin still counts.
    const { config } = await loadConfig({
      flags: { ...flags, config: undefined },
      env: { ...env, HEADGATE_CONFIG: undefined },
      cwd,
    });
    return config.admin;
  }
}

/** Undefined for `off` and for an inherited socket, whose address only its owner knows. */
function toUrl(admin: Address | "off"): string | undefined {
  if (admin === "off" || admin.kind === "fd") return undefined;
  if (admin.kind === "unix") return `unix:${admin.path}`;
  // A wildcard is an address to listen on, not one to connect to.
  const host = admin.host === "0.0.0.0" ? "127.0.0.1" : admin.host === "::" ? "::1" : admin.host;
  return `http://${host.includes(":") ? `[${host}]` : host}:${admin.port}`;
}

async function ask(
  url: string,
  { cwd }: Io,
): Promise<{ readonly isReady: boolean; readonly answer: string }> {
  const { config } = await loadConfig({
    flags: { upstream: url, listen: "127.0.0.1:0", admin: "off" },
    env: {},
    cwd,
  });
  const upstream = config.upstreams.get("default") as UpstreamConfig; // every configuration has it
  const once = { ...upstream, keepAlive: 0 };
  const resources = createUpstreamResources({ collectGarbage: () => undefined, readSystemFile });
  const pool = createUpstreamPool(once, 0, resources);
  try {
    const { head, content } = await pool.send({
      method: "GET",
      path: "/readyz",
      fields: ["host", upstream.url.authority],
      framing: "none",
      content: undefined,
      upgrade: undefined,
      takesTrailers: false,
      isStrict: true,
      expectsContinue: false,
      owner: undefined,
      responseContent: "skip",
      responseMs: RESPONSE_MS,
      idleMs: RESPONSE_MS,
      onInterim: () => undefined,
    }).response;
    content.abort();
    return {
      isReady: head.status === 200,
      answer: head.status === 200 ? "ready" : `answered ${head.status}`,
    };
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { isReady: false, answer: error.code.replaceAll("_", " ") };
  } finally {
    resources.close();
  }
}
