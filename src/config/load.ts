/** File, environment and flags → Config, or every problem at once. Flags win over the environment, that over the file. */

import { formatAddress, overlap } from "./address.ts";
import { parseDocument } from "./document.ts";
import type { Document } from "./document.ts";
import {
  type Digest,
  type ReadFile,
  createReader,
  readTextFile,
  resolveFrom,
  toDigest,
} from "./files.ts";
import type { Finding, KeyPath } from "./issues.ts";
import { findLoops } from "./loop.ts";
import { aimAtUrl, applyOverrides, collectOverrides, inheritedListen } from "./overrides.ts";
import type { Flags, Override } from "./overrides.ts";
import { ConfigError, createSource, formatKey, problemOf } from "./problem.ts";
import type { Problem, Source } from "./problem.ts";
import { resolveConfig } from "./resolve.ts";
import { checkRoutes } from "./routes.ts";
import { parseWritten } from "./schema.ts";
import type { Config, Written } from "./schema.ts";
import { readTlsFiles } from "./tls.ts";
import { asMapping } from "./tree.ts";
import type { Environment } from "./variables.ts";

/** Everything that can say something. `pid` is this process, for LISTEN_PID. */
export interface Sources {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly pid?: number | undefined;
  /** Told of each file that is read, by its absolute path. */
  readonly onRead?: ((path: string, digest: Digest) => void) | undefined;
}

/** A configuration and the file it came from. */
export interface Loaded {
  readonly config: Config;
  /** As it was given; undefined when there is none. */
  readonly file: string | undefined;
  /** The same as an absolute path. */
  readonly path: string | undefined;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly hash: string | undefined;
}

/** An opened file. */
interface Origin {
  readonly path: string;
  readonly hash: string;
  readonly document: Document;
  readonly source: Source;
}

/** Loads the configuration. Throws a ConfigError with every problem, and nothing else. */
export async function loadConfig({ flags, env, cwd, pid, onRead }: Sources): Promise<Loaded> {
  const readFile = onRead === undefined ? readTextFile : createReader(onRead);
  const file = flags.config ?? (env["HEADGATE_CONFIG"] || undefined);
  const origin =
    file === undefined ? undefined : await openOrigin(resolveFrom(cwd, file), file, env, readFile);
  const given = withInheritedListen(origin?.document.value ?? {}, inheritedListen(env, pid));
  const overrides = aimAtUrl(collectOverrides(flags, env), given);
  const value = applyOverrides(given, overrides);

  const { written, findings } = parseWritten(value);
  const tls = await readTlsFiles(value, origin?.path ?? cwd, readFile);
  const conflicts = checkRoutes(value, (index) => lineOf(origin, ["routes", index, "path"]));
  const taken = findTakenAddress(written);
  const all = [...findings, ...findMissingUpstream(value), ...conflicts, ...taken, ...tls.findings];
  const problems = toProblems([...all, ...findLoops(value, written)], origin, overrides);
  const upstream = written?.upstream;
  if (problems.length > 0 || written === undefined || upstream === undefined)
    throw new ConfigError(problems);
  return {
    config: resolveConfig({ ...written, upstream }, tls.texts),
    file,
    path: origin?.path,
    hash: origin?.hash,
  };
}

/** `file` is the name as it was given. */
async function openOrigin(
  path: string,
  file: string,
  env: Environment,
  readFile: ReadFile,
): Promise<Origin> {
  // Only a flag can be an empty name. As a path, it would be the working directory itself.
  if (file === "") throw new ConfigError([problemOf("--config", "is empty: name a file")]);
  const read = await readFile(path);
  if ("reason" in read) throw new ConfigError([problemOf("", read.reason, file)]);
  const source = createSource(file, read.text);
  const document = parseDocument(read.text, env);
  // Without a value there is nothing that a schema could complain about.
  if (document.value === undefined)
    throw new ConfigError(toProblems([], { path, hash: "", document, source }, []));
  return { path, hash: await toDigest(read.bytes), document, source };
}

function withInheritedListen(value: unknown, listen: string | undefined): unknown {
  const saysWhere = asMapping(value)["listen"] !== undefined;
  return listen === undefined || saysWhere
    ? value
    : applyOverrides(value, [{ path: ["listen"], value: listen, place: "LISTEN_FDS" }]);
}

function findMissingUpstream(value: unknown): readonly Finding[] {
  if (asMapping(value)["upstream"] !== undefined) return [];
  const message =
    "is missing: say where requests go, by upstream in the route file, --upstream or HEADGATE_UPSTREAM";
  return [{ path: ["upstream"], at: "key", message }];
}

/** Both would be bound, one after the other: the second of them would end the start, with another process to blame. */
function findTakenAddress(written: Written | undefined): readonly Finding[] {
  if (written === undefined || written.admin === "off") return [];
  const { listen, admin } = written;
  if (!overlap(listen, admin)) return [];
  const message = `${formatAddress(admin)} is taken by listen, ${formatAddress(listen)}: choose another, or off`;
  return [{ path: ["admin"], at: "value", message }];
}

function lineOf(origin: Origin | undefined, path: KeyPath): number | undefined {
  return origin?.source.lineOf(origin.document.locate(path, "value").start);
}

/** In the order of the file. A value whose YAML or variable is wrong is not complained about twice. */
function toProblems(
  findings: readonly Finding[],
  origin: Origin | undefined,
  overrides: readonly Override[],
): readonly Problem[] {
  const mistakes = origin?.document.mistakes ?? [];
  const known = new Set(mistakes.map(({ key }) => key));
  const problems = [
    ...mistakes.flatMap(
      ({ span, key, message }) => origin?.source.problemAt(span, key, message) ?? [],
    ),
    ...findings
      .filter(({ path }) => !known.has(formatKey(path)))
      .map((finding) => toProblem(finding, origin, overrides)),
  ];
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.col ?? 0) - (b.col ?? 0));
}

function toProblem(
  { path, at, message }: Finding,
  origin: Origin | undefined,
  overrides: readonly Override[],
): Problem {
  const key = formatKey(path);
  const override = overrides.find((one) => formatKey(one.path) === key);
  if (override !== undefined) return problemOf(override.place, message);
  return origin === undefined
    ? problemOf(key, message)
    : origin.source.problemAt(origin.document.locate(path, at), key, message);
}
