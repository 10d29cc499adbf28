/** `headgate init URL`: writes a route file from what the doctor found, with the reason for each setting. */

import { createFile, pathExists, replaceFile, resolveFrom } from "../config/files.ts";
import { loadConfig } from "../config/load.ts";
import { hideInMessage } from "../http/secrets.ts";
import { toPrintable } from "../ops/log/printable.ts";
import { type Advice, type RouteAdvice, advise } from "./doctor/advice.ts";
import { diagnose } from "./doctor/diagnose.ts";
import { DOCTOR_FLAGS, type DoctorOptions, toOptions } from "./doctor/options.ts";
import { UnreachedError } from "./doctor/reach.ts";
import { UsageError, readArguments } from "./flags.ts";
import type { Io } from "./io.ts";
import { toProgramName } from "./program-name.ts";
import { quoteForShell } from "./shell.ts";

/** The exit code is 0 if the route file was written, else 1. Throws for bad arguments. */
export async function init(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments(args, {
    values: [...DOCTOR_FLAGS.values, "output"],
    switches: [...DOCTOR_FLAGS.switches, "force"],
    lists: DOCTOR_FLAGS.lists,
    maxPositionals: DOCTOR_FLAGS.maxPositionals,
  });
  const options = toOptions("init", given);
  const output = toOutput(given.values.get("output"));
  const isForced = given.switches.has("force");
  const path = output === undefined ? undefined : resolveFrom(io.cwd, output);
  // Checked before any request is sent, because the requests would be wasted.
  if (path !== undefined && !isForced && (await pathExists(path))) {
    io.err(`headgate: ${output} exists already; --force overwrites it\n`);
    return 1;
  }
  const text = await makeRouteFile(options, io);
  if (text === undefined) return 1;
  if (path === undefined) {
    io.out(text);
    return 0;
  }
  const reason = await (isForced ? replaceFile : createFile)(path, text);
  if (reason !== undefined) {
    io.err(`headgate: ${hideInMessage(output ?? "")} ${reason}\n`);
    return 1;
  }
  const next = `${toProgramName(io)} run --config ${quoteForShell(output ?? "")}`;
  io.err(`Wrote ${output}. Next: ${next}\n`);
  return 0;
}

/** Undefined for standard output. */
function toOutput(name: string | undefined): string | undefined {
  if (name === "") throw new UsageError("--output is the name of a file, or - for standard output");
  return name === "-" ? undefined : name;
}

async function makeRouteFile(options: DoctorOptions, io: Io): Promise<string | undefined> {
  try {
    const { examined, source } = await diagnose(options, io);
    const text = formatRouteFile(advise(examined), options, { source, cwd: io.cwd });
    await assertValid(text, io);
    return text;
  } catch (error) {
    if (!(error instanceof UnreachedError)) throw error;
    io.err(`headgate: ${toPrintable(error.message, 500)}\n`);
    return undefined;
  }
}

/** Makes sure that `init` never writes a file that `check` would refuse. */
async function assertValid(text: string, { cwd }: Io): Promise<void> {
  await loadConfig({
    flags: { config: "-" },
    env: {},
    cwd,
    readInput: () => Promise.resolve(Buffer.from(text)),
  });
}

/** Formats the advice as a route file. */
export function formatRouteFile(
  { mode, reason, routes, optionsReason }: Advice,
  { backend, ca, isInsecure }: Pick<DoctorOptions, "backend" | "ca" | "isInsecure">,
  { source, cwd }: { readonly source: string; readonly cwd: string },
): string {
  const tls = ca !== undefined ? `ca: ${quote(resolveFrom(cwd, ca))}` : "verify: false";
  const upstream =
    ca === undefined && !isInsecure
      ? quote(backend.url)
      : `{ url: ${quote(backend.url)}, tls: { ${tls} } }`;
  return [
    toComment(`Written by headgate init for ${source}.`),
    `upstream: ${upstream}\n`,
    `\n${toComment(`${reason}.`)}`,
    `head: ${mode}\n`,
    ...(optionsReason === undefined ? [] : [`\n${toComment(`${optionsReason}.`)}options: reply\n`]),
    ...(routes.length === 0 ? [] : ["\nroutes:\n", ...routes.map(formatRoute)]),
  ].join("");
}

function formatRoute({ path, head, reason }: RouteAdvice): string {
  const setting = head === "probe" ? "{ range: probe }" : "pass";
  return `  ${toComment(`${reason}.`)}  - { path: ${quote(path)}, head: ${setting} }\n`;
}

/** Quotes a text for YAML so that no variable is substituted in it. */
function quote(text: string): string {
  if (/^[\w/.-]+(:[\w/.-]+)*$/.test(text)) return text;
  return JSON.stringify(text.replaceAll("$", "$$$$"));
}

/** Reduces a text to one line, so that the backend's text cannot end the comment. */
function toComment(text: string): string {
  return `# ${toPrintable(text.charAt(0).toUpperCase() + text.slice(1), 300)}\n`;
}
