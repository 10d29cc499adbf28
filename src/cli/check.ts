/** `headgate check [FILE] [--json]`: everything that is wrong with a route file, or what it means. */

import { parseArgs } from "node:util";
import { formatAddress, formatUrl } from "../config/address.ts";
import { loadConfig } from "../config/load.ts";
import type { Loaded } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { CommandIo } from "./io.ts";
import { formatTable } from "./table.ts";

const USAGE =
  "usage: headgate check [FILE] [--json]\n\nFILE is HEADGATE_CONFIG when left out; HEADGATE_* variables count as they do for run.\n";

interface Arguments {
  readonly file: string | undefined;
  readonly format: "text" | "json";
}

/** Checks a route file as `run` would read it, and starts nothing. Exit code 0, 1 for a bad configuration, 2 for bad arguments. */
export async function check(args: readonly string[], io: CommandIo): Promise<number> {
  const given = parseArguments(args);
  const says = given?.file ?? (io.env["HEADGATE_CONFIG"] || io.env["HEADGATE_UPSTREAM"]);
  if (given === undefined || says === undefined || says === "") {
    io.err(USAGE);
    return 2;
  }
  try {
    const loaded = await loadConfig({ flags: { config: given.file }, env: io.env, cwd: io.cwd });
    io.out(
      given.format === "json" ? toJson({ valid: true, ...summarise(loaded) }) : describe(loaded),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (given.format === "json")
      io.out(toJson({ valid: false, count: error.count, problems: error.problems }));
    else io.err(`${error.message}\n\n${countProblems(error.count)}\n`);
    return 1;
  }
}

function parseArguments(args: readonly string[]): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    return positionals.length > 1
      ? undefined
      : { file: positionals[0], format: values.json ? "json" : "text" };
  } catch {
    // parseArgs throws for an unknown option: the usage says more than its message.
    return undefined;
  }
}

/** What a reader wants to know of the file; the same for people and programs. */
function summarise({ config, file, hash }: Loaded) {
  const upstreams = [...config.upstreams.values()].map(({ name, url }) => ({
    name,
    url: formatUrl(url),
  }));
  const routes = [...config.routes, config.defaultRoute].map(
    ({ name, host, path, head, upstream }) => ({ name, host, path, head: head.mode, upstream }),
  );
  const admin = config.admin === "off" ? config.admin : formatAddress(config.admin);
  return { file, hash, listen: formatAddress(config.listen), admin, upstreams, routes };
}

function describe(loaded: Loaded): string {
  const { file, listen, admin, upstreams, routes } = summarise(loaded);
  const rows = routes.map(({ name, host, path, head, upstream }) => [
    name,
    host ?? "any",
    path,
    head,
    upstream,
  ]);
  return [
    `${file ?? "the environment"} is valid\n`,
    formatTable([
      ["listen", listen],
      ["admin", admin],
    ]),
    formatTable([["UPSTREAM", "URL"], ...upstreams.map(({ name, url }) => [name, url])]),
    formatTable([["ROUTE", "HOST", "PATH", "HEAD", "UPSTREAM"], ...rows]),
  ].join("\n");
}

function countProblems(count: number): string {
  return count === 1 ? "1 problem" : `${count} problems`;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
