/** The client for one backend: its address, the fields of every request, and the limits. */

import { readSystemFile, readTextFile, resolveFrom } from "../../config/files.ts";
import { ConfigError } from "../../config/diagnostic.ts";
import { loadConfig } from "../../config/load.ts";
import type { UpstreamConfig } from "../../config/types.ts";
import { findField } from "../../http/fields.ts";
import { createUpstreamResources } from "../../upstream/upstream-pool.ts";
import type { Connect } from "../../upstream/socket.ts";
import { UsageError } from "../flags.ts";
import type { Io } from "../io.ts";
import type { ExchangeLimits } from "./raw-connection.ts";
import type { DoctorOptions, BackendAddress } from "./options.ts";

/** A client for one backend. */
export interface Client {
  /** The URL, in the form of a route file's `upstream`. */
  readonly url: string;
  readonly connect: Connect;
  /** The fields of each request: name, value, name, value, … with Host. */
  readonly fields: readonly string[];
  readonly limits: ExchangeLimits;
  close(): void;
}

/** Creates the client for one backend. Throws a UsageError for a URL or a file that cannot be used. */
export async function createClient(
  { url, argument }: BackendAddress,
  { fields, limits, ca, isInsecure }: DoctorOptions,
  { cwd, version }: Pick<Io, "cwd" | "version">,
): Promise<Client> {
  const flags = { upstream: url, listen: "127.0.0.1:0", admin: "off" };
  const { config } = await loadConfig({ flags, env: {}, cwd }).catch((error: unknown) => {
    // The operator gave a URL, and no --upstream.
    const [problem] = error instanceof ConfigError ? error.diagnostics : [];
    throw problem === undefined ? error : new UsageError(`${argument}: ${problem.message}`);
  });
  const upstream = config.upstreams.get("default") as UpstreamConfig; // every configuration has it
  const tls = {
    ca: ca === undefined ? undefined : await readCa(resolveFrom(cwd, ca)),
    cert: undefined,
    key: undefined,
    serverName: undefined,
    verify: !isInsecure,
  };
  const resources = createUpstreamResources({ collectGarbage: () => undefined, readSystemFile });
  const connectTimeout = Math.min(upstream.connectTimeout, limits.timeoutMs);
  const own = [
    "Host",
    upstream.url.authority,
    "User-Agent",
    `headgate-doctor/${version}`,
    "Accept",
    "*/*",
  ];
  return {
    url,
    connect: resources.connectTo({ ...upstream, connectTimeout, tls }),
    fields: withFields(own, fields),
    limits,
    close: resources.close,
  };
}

/** Combines fields: given fields replace the client's own fields of the same name. */
export function withFields(own: readonly string[], given: readonly string[]): readonly string[] {
  const kept = own.filter((_text, index) => {
    const name = own[index - (index % 2)] ?? "";
    return findField(given, name.toLowerCase()) === undefined;
  });
  return [...kept, ...given];
}

async function readCa(path: string): Promise<string> {
  const read = await readTextFile(path);
  if ("reason" in read) throw new UsageError(`--ca: the file ${read.reason}`);
  return read.text;
}
