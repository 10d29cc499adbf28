/** File, environment and flags → Config, or every problem at once. Flags win over the environment, that over the file. */

import { formatAddress, overlap } from "./address.ts";
import { MAX_FILE_BYTES, parseDocument } from "./yaml/document.ts";
import type { Document } from "./yaml/document.ts";
import {
  type Digest,
  type ReadFile,
  TOO_LARGE,
  createReader,
  readTextFile,
  resolveFrom,
  toDigest,
  toFileText,
} from "./files.ts";
import type { KeyDiagnostic, KeyPath } from "./schema/issues.ts";
import { findLoops } from "./loop.ts";
import {
  ADMIN_DEFAULT,
  aimAtUrl,
  applyOverrides,
  collectOverrides,
  defaultAdmin,
  inheritedListen,
} from "./overrides.ts";
import type { Flags, Override } from "./overrides.ts";
import { ConfigError, MAX_SHOWN, createSource, formatKey, createDiagnostic } from "./diagnostic.ts";
import type { SpanDiagnostic, Diagnostic, Source, Span } from "./diagnostic.ts";
import { resolveConfig } from "./resolve.ts";
import { checkRoutes, findWarnings } from "./routes.ts";
import { parseInSteps } from "./schema/file.ts";
import type { Config } from "./types.ts";
import type { RawConfig } from "./schema/file.ts";
import { hintOfSpelling } from "./hints/spelling.ts";
import { readTlsFiles } from "./tls.ts";
import { asMapping } from "./untyped.ts";
import { createPauses, nextTurn } from "../runtime/turn.ts";
import { type Environment, createNaming } from "./variables.ts";

/** Everything that can say something. `pid` is this process, for LISTEN_PID. */
export interface Sources {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly pid?: number | undefined;
  /** Told of each file that is read, by its absolute path. */
  readonly onRead?: ((path: string, digest: Digest) => void) | undefined;
  /** Reads standard input; undefined: the file is read from its path. */
  readonly readInput?: (() => Promise<Uint8Array>) | undefined;
}

/** A configuration and the file it came from. */
export interface Loaded {
  readonly config: Config;
  /** As it was given; undefined when there is none. */
  readonly file: string | undefined;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly hash: string | undefined;
  /** The keys of the file that a flag or variable overrides. */
  readonly overridden: readonly Overridden[];
  /** What is allowed and probably not meant, at most `MAX_SHOWN`. */
  readonly warnings: readonly Diagnostic[];
}

/** A key of the file, and the flag or variable that overrides it. */
export interface Overridden {
  readonly key: string;
  readonly source: string;
}

/** The name of standard input in messages. */
const STANDARD_INPUT = "<stdin>";

/** An opened file. */
interface Origin {
  readonly path: string;
  readonly hash: string;
  readonly text: string;
  readonly document: Document;
  readonly source: Source;
  /** Names the variables of the file instead of their values. */
  toNamed(message: string): string;
}

/** Loads the configuration. Throws a ConfigError with every problem, and nothing else. */
export async function loadConfig(sources: Sources): Promise<Loaded> {
  const { flags, env, cwd, pid, onRead } = sources;
  const readFile = onRead === undefined ? readTextFile : createReader(onRead);
  const { file, origin } = await openFile(sources, readFile);
  const given = origin?.document.value ?? {};
  const overrides = aimAtUrl(collectOverrides(flags, env), given);
  const asked = applyOverrides(given, overrides);
  const isAdminDefault = asMapping(asked)["admin"] === undefined;
  const defaults = findDefaults(asked, { env, pid });
  const value = applyOverrides(asked, defaults);

  // Each of these steps takes its milliseconds for a long file, and a reload must not hold traffic up for all of them.
  await nextTurn();
  const { raw, diagnostics } = await parseInSteps(value);
  await nextTurn();
  const tls = await readTlsFiles(value, origin?.path ?? cwd, readFile);
  await nextTurn();
  const conflicts = findConflicts(value, raw, { origin, isAdminDefault });
  const all = [...diagnostics, ...conflicts, ...tls.diagnostics];
  if (all.length > 0 || hasDiagnostics(origin) || raw?.upstream === undefined)
    throw await toConfigError(all, origin, [...overrides, ...defaults]);
  await nextTurn();
  return {
    config: {
      ...resolveConfig({ ...raw, upstream: raw.upstream }, tls.texts),
      isAdminDefault,
    },
    file,
    hash: origin?.hash,
    overridden: findOverridden(origin?.document.value, overrides),
    warnings: findWarnings(value)
      .slice(0, MAX_SHOWN)
      .map((one) => locateKeyDiagnostic(one, origin, undefined).toDiagnostic()),
  };
}

/** Finds the keys that both the file and a flag or variable set. */
function findOverridden(value: unknown, overrides: readonly Override[]): readonly Overridden[] {
  return overrides.flatMap(({ path, source }) => {
    const given = path.reduce((tree: unknown, key) => asMapping(tree)[String(key)], value);
    return given === undefined ? [] : [{ key: formatKey(path), source }];
  });
}

/** What no setting has wrong by itself. */
function findConflicts(
  value: unknown,
  raw: RawConfig | undefined,
  { origin, isAdminDefault }: { origin: Origin | undefined; isAdminDefault: boolean },
): readonly KeyDiagnostic[] {
  const lineOfRoute = (index: number): number | undefined =>
    lineOf(origin, ["routes", index, "path"]);
  return [
    ...findMissingUpstream(value),
    ...checkRoutes(value, lineOfRoute),
    ...(isAdminDefault ? [] : findTakenAddress(raw)),
    ...findLoops(value, raw),
  ];
}

function hasDiagnostics(origin: Origin | undefined): boolean {
  return origin !== undefined && origin.document.diagnostics.length > 0;
}

/** Opens the route file or standard input. `file` is its name in messages. Both are undefined if no file was named. */
async function openFile(
  { flags, env, cwd, readInput }: Sources,
  readFile: ReadFile,
): Promise<{ readonly file: string | undefined; readonly origin: Origin | undefined }> {
  const name = flags.config ?? (env["HEADGATE_CONFIG"] || undefined);
  if (name === undefined) return { file: undefined, origin: undefined };
  const path = resolveFrom(cwd, name);
  if (readInput === undefined)
    return { file: name, origin: await openOrigin(path, name, env, readFile) };
  const origin = await openOrigin(path, STANDARD_INPUT, env, () => toFileText(readInput));
  return { file: STANDARD_INPUT, origin };
}

/** `file` is the name as it was given. */
async function openOrigin(
  path: string,
  file: string,
  env: Environment,
  readFile: ReadFile,
): Promise<Origin> {
  // Only a flag can be an empty name. As a path, it would be the working directory itself.
  if (file === "") throw new ConfigError([createDiagnostic("--config", "is empty: name a file")]);
  const read = await readFile(path);
  if ("reason" in read ? read.reason === TOO_LARGE : read.bytes.length > MAX_FILE_BYTES) {
    const message = `is larger than ${MAX_FILE_BYTES / 1024} KiB`;
    throw new ConfigError([createDiagnostic("", message, file)]);
  }
  if ("reason" in read) throw new ConfigError([createDiagnostic("", read.reason, file)]);
  const source = createSource(file, read.text);
  const document = await parseDocument(read.text, env);
  const toNamed = createNaming(read.text, env);
  // Without a value there is nothing that a schema could complain about.
  if (document.value === undefined)
    throw await toConfigError(
      [],
      { path, hash: "", text: read.text, document, source, toNamed },
      [],
    );
  return { path, hash: await toDigest(read.bytes), text: read.text, document, source, toNamed };
}

/** The environment's defaults for keys that the file, flags and other variables leave out. */
function findDefaults(
  value: unknown,
  { env, pid }: Pick<Sources, "env" | "pid">,
): readonly Override[] {
  const defaults = [
    { key: "listen", value: inheritedListen(env, pid), source: "LISTEN_FDS" },
    { key: "admin", value: defaultAdmin(env), source: ADMIN_DEFAULT },
  ];
  return defaults.flatMap(({ key, value: given, source }) =>
    given === undefined || asMapping(value)[key] !== undefined
      ? []
      : [{ path: [key], value: given, source }],
  );
}

function findMissingUpstream(value: unknown): readonly KeyDiagnostic[] {
  if (asMapping(value)["upstream"] !== undefined) return [];
  const message =
    "is missing: say where requests go, by upstream in the route file, --upstream or HEADGATE_UPSTREAM";
  return [{ path: ["upstream"], at: "key", message }];
}

/** Both would be bound, one after the other: the second of them would end the start, with another process to blame. */
function findTakenAddress(raw: RawConfig | undefined): readonly KeyDiagnostic[] {
  if (raw === undefined || raw.admin === "off") return [];
  const { listen, admin } = raw;
  if (!overlap(listen, admin)) return [];
  const message = `${formatAddress(admin)} is taken by listen, ${formatAddress(listen)}: choose another, or off`;
  return [{ path: ["admin"], at: "value", message }];
}

function lineOf(origin: Origin | undefined, path: KeyPath): number | undefined {
  return origin?.source.lineOf(origin.document.locate(path, "value").start);
}

/** A problem that is not put into words yet; `start` is its place in the file, -1 outside. */
interface Located {
  readonly start: number;
  toDiagnostic(): Diagnostic;
}

/**
 * In the order of the file. A value whose YAML or variable is wrong is not complained about twice. Each problem takes
 * microseconds to show, and a file can have ten thousand.
 */
async function toConfigError(
  diagnostics: readonly KeyDiagnostic[],
  origin: Origin | undefined,
  overrides: readonly Override[],
): Promise<ConfigError> {
  const pause = createPauses();
  const inText = origin?.document.diagnostics ?? [];
  const known = new Set(inText.map(({ key }) => key));
  const sources = new Map(overrides.map(({ path, source }) => [formatKey(path), source]));
  const all = inText.flatMap((one) =>
    origin === undefined ? [] : [locateSpanDiagnostic(one, origin)],
  );
  for (const one of diagnostics) {
    const key = formatKey(one.path);
    if (!known.has(key)) all.push(locateKeyDiagnostic(one, origin, sources.get(key)));
    await pause();
  }
  const first = all.toSorted((a, b) => a.start - b.start).slice(0, MAX_SHOWN);
  return new ConfigError(
    first.map((one) => one.toDiagnostic()),
    all.length,
  );
}

function locateSpanDiagnostic(diagnostic: SpanDiagnostic, { source }: Origin): Located {
  return { start: diagnostic.span.start, toDiagnostic: () => source.toDiagnostic(diagnostic) };
}

/** `place` is the flag or the variable that the value came from. */
function locateKeyDiagnostic(
  { path, at, message, hint }: KeyDiagnostic,
  origin: Origin | undefined,
  source: string | undefined,
): Located {
  const toMessage = (): string => `${message}${hint?.() ?? ""}`;
  if (source !== undefined || origin === undefined) {
    return { start: -1, toDiagnostic: () => createDiagnostic(source ?? formatKey(path), toMessage()) };
  }
  const span = origin.document.locate(path, at);
  const toDiagnostic = (): Diagnostic =>
    origin.source.toDiagnostic({
      span,
      key: formatKey(path),
      message: withSpelling(origin.toNamed(toMessage()), origin.text, span),
    });
  return { start: span.start, toDiagnostic };
}

/** One hint is enough. */
function withSpelling(message: string, text: string, span: Span): string {
  const isComplete = /did you mean|is missing/.test(message);
  return isComplete ? message : `${message}${hintOfSpelling(text, span)}`;
}
