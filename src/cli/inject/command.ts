/** `headgate inject FILE|-`: adds headgate to Kubernetes manifests and Compose files, and changes nothing else in them. */

import { loadConfig } from "../../config/load.ts";
import { ConfigError, createDiagnostic } from "../../config/diagnostic.ts";
import { readTextFile, resolveFrom } from "../../config/files.ts";
import { type Arguments, UsageError, readArguments } from "../flags.ts";
import type { Io } from "../io.ts";
import { unifiedDiff } from "./diff.ts";
import { STANDARD_INPUT, readInputs, writeOutput } from "./input.ts";
import { injectInto, removeFrom } from "./inject.ts";
import type { InjectOptions, Outcome, RouteFile } from "./options.ts";
import { readSettings } from "./settings.ts";
import type { InputFile } from "./source.ts";

/** The parts of the process that inject uses. */
export type InjectIo = Pick<Io, "env" | "cwd" | "version" | "readInput" | "out" | "err">;

/** The arguments of inject. */
export const INJECT_FLAGS = {
  values: ["port", "upstream-port", "image", "config", "only", "compose"],
  switches: ["ordinary", "remove", "diff"],
  lists: [["set", "s"]],
  maxPositionals: Infinity,
} as const;

/**
 * Changes files in place, or standard input to standard output. The exit code is 0, also if nothing is left to do, and 1 if nothing
 * can be injected. Throws a UsageError for bad arguments and a ConfigError for input that inject does not understand.
 */
export async function inject(args: readonly string[], io: InjectIo): Promise<number> {
  const given = readArguments(args, INJECT_FLAGS);
  assertFiles(given);
  const options = await readOptions(given, io);
  const inputs = await readInputs(given.positionals, io);
  const isRemoval = given.switches.has("remove");
  const outcome = isRemoval ? removeFrom(inputs) : injectInto(inputs, options);
  const hasHeadgate = outcome.done.length > 0 || outcome.isThereAlready;
  if (hasHeadgate) await write(inputs, outcome.files, { io, isDiff: given.switches.has("diff") });
  report(outcome, io);
  if (isRemoval && outcome.done.length === 0) io.err(NOTHING_TO_REMOVE);
  if (!hasHeadgate && outcome.skipped.length === 0) io.err(NOTHING_FOUND);
  return hasHeadgate ? 0 : 1;
}

const NOTHING_TO_REMOVE = "headgate: the input has nothing that inject wrote\n";
const NOTHING_FOUND =
  "headgate: the input has no Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod or Compose service to add headgate to\n";

function assertFiles({ positionals, switches, values, lists }: Arguments): void {
  if (positionals.length === 0) throw new UsageError("inject needs a FILE, a folder, or -");
  if (positionals.includes("")) throw new UsageError("a FILE has an empty name");
  if (positionals.includes("-") && positionals.length > 1)
    throw new UsageError("standard input (-) cannot be mixed with files");
  const [other] = [...values.keys(), ...lists.keys()];
  if (switches.has("remove") && other !== undefined)
    throw new UsageError(`--remove takes everything out again, and --${other} has no effect on it`);
}

async function readOptions(
  { values, switches, lists }: Arguments,
  io: InjectIo,
): Promise<InjectOptions> {
  const settings = readSettings(lists.get("set") ?? []);
  const upstreamPort = toPort("upstream-port", values.get("upstream-port"));
  const file = values.get("config");
  if (file !== undefined && settings.get("config.existingConfigMap") !== "")
    throw new UsageError(
      "--config and --set config.existingConfigMap are two route files; give one",
    );
  return {
    port: toPort("port", values.get("port")),
    upstreamPort,
    image: toImage(values.get("image") ?? `ghcr.io/headgate/headgate:${io.version}`),
    isNative: !switches.has("ordinary"),
    settings,
    only: new Set(values.get("only")?.split(",")),
    compose: values.get("compose"),
    cwd: io.cwd,
    routeFile: file === undefined ? undefined : await readRouteFile(file, io),
  };
}

function toPort(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new UsageError(`--${flag}: "${text}" is no port`);
  return port;
}

function toImage(reference: string): string {
  if (!/^[\x21-\x7e]+$/.test(reference))
    throw new UsageError(`--image: "${reference}" is no reference to an image`);
  return reference;
}

/** Settings that the container gets as environment variables, which override the route file. */
const OVERRIDING = {
  listen:
    "--port; tls, http2 and proxyProtocol need the chart, or in Compose a service as in examples/compose-tls",
  admin: "--set ports.admin=…",
} as const;

/** Reads a route file and checks it as `check` does. Throws a ConfigError. */
async function readRouteFile(file: string, { env, cwd }: InjectIo): Promise<RouteFile> {
  const standIns = {
    HEADGATE_LISTEN: ":8080",
    HEADGATE_ADMIN: ":9090",
    HEADGATE_UPSTREAM: "http://127.0.0.1:8000",
  };
  const { overridden, config } = await loadConfig({
    flags: { config: file },
    env: { ...env, ...standIns },
    cwd,
  });
  const refused = new Set(overridden.map(({ key }) => key.replace(/\..*/, "")));
  // A variable overrides the address of a mapping, and leaves its other settings.
  if (config.listen.some(({ tls, http2, proxyProtocol }) => tls ?? (http2 || proxyProtocol)))
    refused.add("listen");
  for (const [key, flag] of Object.entries(OVERRIDING))
    if (refused.has(key))
      throw new ConfigError([
        createDiagnostic(key, `inject sets it for the container; remove it, and use ${flag}`, file),
      ]);
  const loaded = await readTextFile(resolveFrom(cwd, file));
  if ("reason" in loaded) throw new ConfigError([createDiagnostic("", loaded.reason, file)]);
  const hasUpstream = overridden.some(({ key }) => /^upstream\b/.test(key));
  const ownEnv = { ...env, ...standIns, HEADGATE_UPSTREAM: undefined };
  const own = hasUpstream
    ? await loadConfig({ flags: { config: file }, env: ownEnv, cwd })
    : undefined;
  const upstream = own?.config.upstreams.get("default")?.url;
  return { path: resolveFrom(cwd, file), text: loaded.text, upstream };
}

function report({ done, skipped, next }: Outcome, { err }: InjectIo): void {
  for (const line of done) err(`${line}\n`);
  for (const line of skipped) err(`left as it is: ${line}\n`);
  for (const line of next) err(`next: ${line}\n`);
}

async function write(
  inputs: readonly InputFile[],
  outputs: readonly InputFile[],
  { io, isDiff }: { readonly io: InjectIo; readonly isDiff: boolean },
): Promise<void> {
  for (const [index, output] of outputs.entries()) {
    const before = inputs[index]?.text ?? "";
    if (isDiff) io.out(unifiedDiff(output.name, before, output.text));
    else if (output.name === STANDARD_INPUT) io.out(output.text);
    else if (output.text !== before) await writeOutput(output, io.cwd);
  }
}
