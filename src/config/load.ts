/**
 * Loads the Config from the route file, the environment and the flags, or reports all mistakes at once. Flags override environment
 * variables, which override the route file.
 */

import { findConflicts, withFlagsOfUrl } from "./conflicts.ts";
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
import {
  ADMIN_DEFAULT,
  aimAtMappings,
  applyOverrides,
  collectOverrides,
  defaultAdmin,
  inheritedListen,
  isSameSetting,
} from "./overrides.ts";
import type { Flags, Override } from "./overrides.ts";
import { ConfigError, MAX_SHOWN, createSource, formatKey, createDiagnostic } from "./diagnostic.ts";
import type { SpanDiagnostic, Diagnostic, Source, Span } from "./diagnostic.ts";
import { resolveConfig } from "./resolve.ts";
import { findWarnings } from "./routes.ts";
import { parseInSteps } from "./schema/file.ts";
import type { Config } from "./types.ts";
import { hintOfSpelling } from "./hints/spelling.ts";
import { readTlsFiles } from "./tls.ts";
import { asMapping } from "./untyped.ts";
import { createPauses, nextTurn } from "../runtime/turn.ts";
import { type Environment, createNaming } from "./variables.ts";

/** The sources of a configuration. `pid` is the id of this process, for LISTEN_PID. */
export interface Sources {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly pid?: number | undefined;
  /** Called for each file that is read, with its absolute path. */
  readonly onRead?: ((path: string, digest: Digest) => void) | undefined;
  /**
   * Whether a certificate is refused that clients do not accept now, such as an expired one. Otherwise it is a warning: most clients
   * fail, but a process that does not start serves none.
   */
  readonly unusable?: "refuse" | undefined;
  /** Reads standard input. If undefined, the file is read from its path. */
  readonly readInput?: (() => Promise<Uint8Array>) | undefined;
}

/** A configuration and the file that it came from. */
export interface Loaded {
  readonly config: Config;
  /** The file's name as the operator wrote it. Undefined if there is none. */
  readonly file: string | undefined;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly hash: string | undefined;
  /** The keys of the file that a flag or variable overrides. */
  readonly overridden: readonly Overridden[];
  /** Settings that are allowed, but probably not what the operator meant. At most `MAX_SHOWN`. */
  readonly warnings: readonly Diagnostic[];
}

/** A key of the file, and the flag or variable that overrides it. */
export interface Overridden {
  readonly key: string;
  /** `--listen` or `HEADGATE_LISTEN`. */
  readonly source: string;
  /** Whether both mean the same. Then headgate does not report it: a chart sets the address in both places. */
  readonly isSame: boolean;
}

/** The name of standard input in messages. */
const STANDARD_INPUT = "<stdin>";

/** The route file, read and parsed. */
interface Origin {
  readonly path: string;
  readonly hash: string;
  readonly text: string;
  readonly document: Document;
  readonly source: Source;
  /** Replaces the values of the file's variables with their names. */
  toNamed(message: string): string;
}

/** Loads the configuration. Throws a ConfigError with all mistakes, and no other error. */
export async function loadConfig(sources: Sources): Promise<Loaded> {
  const { flags, env, cwd, pid, onRead, unusable } = sources;
  const readFile = onRead === undefined ? readTextFile : createReader(onRead);
  const { file, origin } = await openFile(sources, readFile);
  const given = origin?.document.value ?? {};
  const overrides = aimAtMappings(collectOverrides(flags, env), given);
  const asked = applyOverrides(given, overrides);
  const isAdminDefault = asMapping(asked)["admin"] === undefined;
  const defaults = findDefaults(asked, { env, pid });
  const value = applyOverrides(asked, defaults);

  // For a long file each of these steps takes milliseconds. Traffic goes on between them, so that a reload does not delay it.
  await nextTurn();
  const { raw, diagnostics } = await parseInSteps(value);
  await nextTurn();
  const tls = await readTlsFiles(value, origin?.path ?? cwd, { readFile, nowMs: Date.now() });
  await nextTurn();
  const lineOfRoute = (index: number): number | undefined =>
    lineOf(origin, ["routes", index, "path"]);
  const conflicts = findConflicts(value, raw, { isAdminDefault, lineOfRoute });
  const [refused, tolerated] = unusable === "refuse" ? [tls.unusable, []] : [[], tls.unusable];
  const own = diagnostics.map(withFlagsOfUrl);
  const all = [...own, ...conflicts, ...tls.diagnostics, ...refused];
  const warnings = locateWarnings([...tolerated, ...findWarnings(value)], origin);
  if (all.length > 0 || hasDiagnostics(origin) || raw?.upstream === undefined)
    throw await toConfigError(all, origin, [...overrides, ...defaults], warnings);
  await nextTurn();
  return {
    config: {
      ...resolveConfig({ ...raw, upstream: raw.upstream }, tls.files),
      isAdminDefault,
    },
    file,
    hash: origin?.hash,
    overridden: findOverridden(origin?.document.value, overrides),
    warnings,
  };
}

/** Finds the keys that both the file and a flag or variable set. */
function findOverridden(value: unknown, overrides: readonly Override[]): readonly Overridden[] {
  return overrides.flatMap((override) => {
    const { path, source } = override;
    const given = path.reduce((tree: unknown, key) => asMapping(tree)[String(key)], value);
    if (given === undefined) return [];
    return [{ key: formatKey(path), source, isSame: isSameSetting(override, given) }];
  });
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

/** Reads and parses the file. `file` is its name as the operator wrote it. */
async function openOrigin(
  path: string,
  file: string,
  env: Environment,
  readFile: ReadFile,
): Promise<Origin> {
  // Only a flag can be an empty name. As a path, it would mean the working directory.
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
  // Without a value, the schema has nothing to check.
  if (document.value === undefined)
    throw await toConfigError(
      [],
      { path, hash: "", text: read.text, document, source, toNamed },
      [],
    );
  return { path, hash: toDigest(read.bytes), text: read.text, document, source, toNamed };
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

function lineOf(origin: Origin | undefined, path: KeyPath): number | undefined {
  return origin?.source.lineOf(origin.document.locate(path, "value").start);
}

/** A mistake whose message is not built yet. `start` is its offset in the file, or -1 if it does not come from the file. */
interface Located {
  readonly start: number;
  toDiagnostic(): Diagnostic;
}

/**
 * Builds the error, with the mistakes in the order of the file. If a value's YAML or variable is wrong, the schema's diagnostic of the
 * same key is left out. Only the shown diagnostics get a message, because each takes microseconds and a file can have ten thousand.
 */
async function toConfigError(
  diagnostics: readonly KeyDiagnostic[],
  origin: Origin | undefined,
  overrides: readonly Override[],
  warnings: readonly Diagnostic[] = [],
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
    warnings,
  );
}

function locateWarnings(
  warnings: readonly KeyDiagnostic[],
  origin: Origin | undefined,
): readonly Diagnostic[] {
  return warnings
    .slice(0, MAX_SHOWN)
    .map((one) => locateKeyDiagnostic(one, origin, undefined).toDiagnostic());
}

function locateSpanDiagnostic(diagnostic: SpanDiagnostic, { source }: Origin): Located {
  return { start: diagnostic.span.start, toDiagnostic: () => source.toDiagnostic(diagnostic) };
}

/** `source` is the flag or the variable that the value came from. */
function locateKeyDiagnostic(
  { path, at, message, hint }: KeyDiagnostic,
  origin: Origin | undefined,
  source: string | undefined,
): Located {
  const toMessage = (): string => `${message}${hint?.() ?? ""}`;
  if (source !== undefined || origin === undefined) {
    return {
      start: -1,
      toDiagnostic: () => createDiagnostic(source ?? formatKey(path), toMessage()),
    };
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

/** Adds a hint about the spelling, unless the message already has a hint. */
function withSpelling(message: string, text: string, span: Span): string {
  const isComplete = /did you mean|is missing/.test(message);
  return isComplete ? message : `${message}${hintOfSpelling(text, span)}`;
}
