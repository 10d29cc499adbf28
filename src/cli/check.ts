/** `headgate check [FILE…] [--json]`: prints all errors of route files, or what the files mean. */

import { formatAddress, formatUrl } from "../config/address.ts";
import { listCertificates } from "../config/certificates.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import { ConfigError, formatWarnings } from "../config/diagnostic.ts";
import type { Flags } from "../config/overrides.ts";
import type { Config } from "../config/types.ts";
import { UsageError, readArguments } from "./flags.ts";
import type { CommandIo } from "./io.ts";
import { RUN_FLAGS, hasSource, toSettings } from "./run-flags.ts";
import { toDifferences } from "./route-settings.ts";
import { formatTable } from "./table.ts";

/** The result for one file: its meaning, or its errors. */
type Outcome = { readonly loaded: Loaded } | { readonly error: ConfigError };

/**
 * Checks route files as `run` would read them, and starts nothing. A file named `-` is standard input. The exit code is 0, or 1 if
 * one of the files has an error. Throws a UsageError for bad arguments.
 */
export async function check(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, switches, positionals } = readArguments(args, {
    values: RUN_FLAGS,
    switches: ["json"],
    maxPositionals: Infinity,
  });
  const flags = toSettings(values);
  const files = flags.config === undefined ? positionals : [flags.config, ...positionals];
  if (files.length === 0 && !hasSource(flags, io.env))
    throw new UsageError("check needs a FILE, or HEADGATE_CONFIG");
  if (files.includes("")) throw new UsageError("a FILE has an empty name");
  const defaults = await loadDefaults(io);
  const summaries: object[] = [];
  let code = 0;
  for (const [index, file] of (files.length === 0 ? [undefined] : files).entries()) {
    const outcome = await checkFile({ ...flags, config: file }, io);
    if ("error" in outcome) code = 1;
    if (switches.has("json")) summaries.push(toSummary(outcome, defaults));
    else print(outcome, { io, defaults, index });
  }
  // One file results in an object, several files in a list.
  if (switches.has("json")) io.out(toJson(summaries.length === 1 ? summaries[0] : summaries));
  return code;
}

async function checkFile(flags: Flags, io: CommandIo): Promise<Outcome> {
  const readInput = flags.config === "-" ? () => io.readInput() : undefined;
  try {
    const sources = {
      flags,
      env: io.env,
      cwd: io.cwd,
      readInput,
      unusable: "refuse",
    } as const;
    return { loaded: await loadConfig(sources) };
  } catch (error) {
    if (error instanceof ConfigError) return { error };
    throw error;
  }
}

/** Loads the configuration of a route file that has nothing but an upstream. */
async function loadDefaults({ cwd }: CommandIo): Promise<Config> {
  return (await loadConfig({ flags: { upstream: "http://127.0.0.1" }, env: {}, cwd })).config;
}

function toSummary(outcome: Outcome, defaults: Config): object {
  if ("loaded" in outcome) return { valid: true, ...summarise(outcome.loaded, defaults) };
  const { count, diagnostics, warnings } = outcome.error;
  return { valid: false, count, problems: diagnostics, warnings };
}

/** Summarises a file; people and programs get the same values. */
function summarise({ config, file, hash, ...loaded }: Loaded, { defaultRoute }: Config) {
  const upstreams = [...config.upstreams.values()].map(({ name, url }) => ({
    name,
    url: formatUrl(url),
  }));
  const routes = [...config.routes, config.defaultRoute].map((route) => {
    const { name, host, path, head, upstream } = route;
    const settings = toDifferences(route, defaultRoute);
    return { name, host, path, head: head.mode, upstream, settings };
  });
  const admin = config.admin === "off" ? config.admin : formatAddress(config.admin);
  const listen = config.listen.map(({ address }) => formatAddress(address)).join(" ");
  const { warnings } = loaded;
  const overridden = loaded.overridden
    .filter(({ isSame }) => !isSame)
    .map(({ key, source }) => ({ key, place: source }));
  const certificates = listCertificates(config).map(({ listen: at, names, notAfterMs }) => {
    return { listen: at, names, notAfter: new Date(notAfterMs).toISOString() };
  });
  return { file, hash, listen, admin, certificates, upstreams, routes, overridden, warnings };
}

interface Printing {
  readonly io: CommandIo;
  readonly defaults: Config;
  /** The file's place among the arguments. */
  readonly index: number;
}

function print(outcome: Outcome, { io, defaults, index }: Printing): void {
  const gap = index === 0 ? "" : "\n";
  if ("loaded" in outcome) io.out(`${gap}${describe(outcome.loaded, defaults)}`);
  else io.err(`${gap}${formatError(outcome.error)}`);
}

function formatError({ message, count, warnings }: ConfigError): string {
  const counts = [toCount(count, "problem")];
  if (warnings.length > 0) counts.push(toCount(warnings.length, "warning"));
  return `${message}\n${formatWarnings(warnings)}\n${counts.join(", ")}\n`;
}

function describe(loaded: Loaded, defaults: Config): string {
  const { file, listen, admin, certificates, upstreams, routes, overridden, warnings } = summarise(
    loaded,
    defaults,
  );
  const rows = routes.map(({ name, host, path, head, upstream, settings }) => [
    name,
    host ?? "any",
    path,
    head,
    upstream,
    settings.join(" "),
  ]);
  const titles = ["ROUTE", "HOST", "PATH", "HEAD", "UPSTREAM"];
  const hasSettings = routes.some(({ settings }) => settings.length > 0);
  return [
    `${file ?? "the configuration"} is valid\n`,
    ...(warnings.length === 0 ? [] : [formatWarnings(warnings)]),
    formatTable([
      ["listen", listen],
      ["admin", admin],
    ]),
    ...(certificates.length === 0 ? [] : [formatTable(toCertificateRows(certificates))]),
    ...overridden.map(({ key, place }) => `${place} overrides ${key} of the file\n`),
    formatTable([["UPSTREAM", "URL"], ...upstreams.map(({ name, url }) => [name, url])]),
    formatTable([hasSettings ? [...titles, "NON-DEFAULT SETTINGS"] : titles, ...rows]),
  ].join("\n");
}

function toCertificateRows(
  certificates: ReturnType<typeof summarise>["certificates"],
): readonly (readonly string[])[] {
  const rows = certificates.map(({ listen, names, notAfter }) => [
    names.join(" "),
    listen,
    notAfter.slice(0, 10),
  ]);
  return [["CERTIFICATE", "LISTEN", "VALID UNTIL"], ...rows];
}

function toCount(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
