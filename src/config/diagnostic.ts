/** Diagnostics of a configuration: `file:line:col key: message`, with the line and a caret under the mistake. */

import { hideInMessage } from "../http/secrets.ts";
import { drawExcerpt, replaceControls } from "./excerpt.ts";
import type { Mark } from "./excerpt.ts";
import type { KeyPath } from "./schema/issues.ts";

/** One mistake, located. `file`, `line` and `col` (from 1) are undefined if the value does not come from a file. */
export interface Diagnostic {
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly col: number | undefined;
  /** `routes[2].path`; `--listen` or `HEADGATE_LISTEN` if the value came from there; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  /** The source line with a caret line under it, and the same for `related`. */
  readonly excerpt: string | undefined;
  /** Another part of the file, which explains the mistake. */
  readonly related?:
    | { readonly line: number; readonly col: number; readonly note: string }
    | undefined;
}

/** An invalid configuration. The message is for the operator, and is shown unchanged. */
export class ConfigError extends Error {
  /** The first diagnostics, at most `MAX_SHOWN`. */
  readonly diagnostics: readonly Diagnostic[];
  /** The number of all diagnostics. */
  readonly count: number;
  /** Settings that are valid, but probably not what the operator meant. */
  readonly warnings: readonly Diagnostic[];

  constructor(
    diagnostics: readonly Diagnostic[],
    count = diagnostics.length,
    warnings: readonly Diagnostic[] = [],
  ) {
    super(formatDiagnostics(diagnostics, count));
    this.name = "ConfigError";
    this.diagnostics = diagnostics;
    this.count = count;
    this.warnings = warnings;
  }
}

/** Part of a text, as offsets in characters from 0; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A second part of a text, which explains a mistake, such as where an unclosed quote ends. */
export interface Related {
  readonly span: Span;
  /** A few words, shown after the mark. */
  readonly note: string;
}

/** One mistake in a text, located by offsets. */
export interface SpanDiagnostic {
  readonly span: Span;
  readonly key: string;
  readonly message: string;
  readonly related?: Related | undefined;
}

/** The text of a file, for diagnostics that show their lines. */
export interface Source {
  /** Adds file, line, column and excerpt. */
  toDiagnostic(diagnostic: SpanDiagnostic): Diagnostic;
  /** Returns the line of an offset, from 1. */
  lineOf(offset: number): number;
}

/** The maximum number of diagnostics that are shown. A file of another kind, mounted by mistake, can have one on each line. */
export const MAX_SHOWN = 100;
/** In characters. */
const MAX_MESSAGE_LENGTH = 400;
/** Characters that are read after the shown part, because a secret may end there. */
const CONTEXT = 1000;

/** Creates a diagnostic that has no line in a file. */
export function createDiagnostic(key: string, message: string, file?: string): Diagnostic {
  return {
    file: file && hideInMessage(file),
    line: undefined,
    col: undefined,
    key: replaceControls(key),
    message: toMessage(message),
    excerpt: undefined,
  };
}

/** Creates the source for a file's text. Offsets become lines and columns only when a diagnostic needs them. */
export function createSource(name: string, text: string): Source {
  const file = hideInMessage(name);
  const toStarts = once(() => findLineStarts(text));

  function lineOf(offset: number): number {
    const starts = toStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  function toMark({ start, end }: Span, note?: string): Mark {
    const line = lineOf(start);
    const starts = toStarts();
    const lineStart = starts[line - 1] ?? 0;
    const content = text.slice(lineStart, endOfLine(text, lineStart, starts[line]));
    const column = Math.min(start - lineStart, content.length);
    return { line, content, column, length: end - start, note };
  }

  function toDiagnostic({ span, key, message, related }: SpanDiagnostic): Diagnostic {
    const mark = toMark(span);
    const other = related && toMark(related.span, related.note);
    return {
      file,
      line: mark.line,
      col: mark.column + 1,
      key: replaceControls(key),
      message: toMessage(message),
      excerpt: drawExcerpt(mark, other),
      ...(other !== undefined && {
        related: { line: other.line, col: other.column + 1, note: other.note ?? "" },
      }),
    };
  }

  return { toDiagnostic, lineOf };
}

function findLineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Returns where the line ends, without its line end. `next` is where the next line starts. */
function endOfLine(text: string, start: number, next: number | undefined): number {
  if (next === undefined) return text.length;
  return next - 1 > start && text[next - 2] === "\r" ? next - 2 : next - 1;
}

/** Computes a value at its first use: only an invalid file needs its line starts. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function formatDiagnostics(diagnostics: readonly Diagnostic[], count: number): string {
  const shown = diagnostics.map(formatDiagnostic);
  const rest = count - shown.length;
  return [...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].join("\n");
}

/** Formats warnings for the terminal, each as lines. */
export function formatWarnings(warnings: readonly Diagnostic[]): string {
  return warnings.map((warning) => `warning: ${formatDiagnostic(warning)}\n`).join("");
}

/** Formats a diagnostic for the terminal: location, message and excerpt. */
export function formatDiagnostic({ file, line, col, key, message, excerpt }: Diagnostic): string {
  const place = file === undefined || line === undefined ? file : `${file}:${line}:${col}`;
  // `file:1:2 key: message`, `file: message`, `--listen: message`
  const head = [place, key].filter((part) => part !== undefined && part !== "").join(" ");
  const text = head === "" ? message : `${head}: ${message}`;
  return excerpt === undefined ? text : `${text}\n${excerpt}`;
}

/** Formats a path: `routes[2].path`. */
export function formatKey(path: KeyPath): string {
  return path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
}

function toMessage(text: string): string {
  const message = hideInMessage(text.slice(0, MAX_MESSAGE_LENGTH + CONTEXT));
  return message.length <= MAX_MESSAGE_LENGTH
    ? replaceControls(message)
    : `${replaceControls(message.slice(0, MAX_MESSAGE_LENGTH))}…`;
}
