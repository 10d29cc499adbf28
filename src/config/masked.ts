/** Diagnostics of a route file as lines that not only the operator may read: what the operator wrote, perhaps a secret, is masked. */

import type { Diagnostic } from "./diagnostic.ts";
import { toJsonSchema } from "./schema/file.ts";

/** A ConfigError's diagnostic, or any other object with a message. */
export type MaskableDiagnostic = Pick<Diagnostic, "message"> & Partial<Diagnostic>;

const MASK = "…";

/** What headgate's hints add before or after the operator's text. */
const SCHEME = /^(?:https?:\/\/|unix:|fd:)?/;
const QUANTITY = /^[0-9.]+(ms|s|m|h|B|KiB|MiB|GiB)$/;

/**
 * Creates a function that formats a diagnostic as `file:line:col key: message`. Messages quote the operator's text, so everything in
 * quotes is masked, except for headgate's own words (the schema's keys and values) and the operator's names for which `isShown` is
 * true. A hint that repeats the operator's text (`did you mean ":8080"?`) keeps the characters that headgate added: `":…"`. A hint
 * without quotes (`did you mean [GET]?`) is masked completely.
 */
export function createMasking(
  isShown: (name: string) => boolean,
): (diagnostic: MaskableDiagnostic) => string {
  const words = new Set(collectWords(toJsonSchema()));
  const isKnown = (text: string): boolean => words.has(text) || isShown(text);

  function maskQuoted(_: string, hint: string | undefined, text: string): string {
    if (isKnown(text)) return `${hint ?? ""}"${text}"`;
    return hint === undefined ? `"${MASK}"` : `${hint}"${maskHint(text)}"`;
  }

  return ({ file, line, col, key, message }) => {
    const place = file === undefined || line === undefined ? file : `${file}:${line}:${col}`;
    const head = [place, key].filter((part) => part !== undefined && part !== "").join(" ");
    const text = message
      .replace(/(did you mean )(?!"|true|false)[^?]+\?/g, `$1${MASK}?`)
      .replace(/(did you mean )?"([^"]*)"/g, maskQuoted);
    return head === "" ? text : `${head}: ${text}`;
  };
}

function maskHint(text: string): string {
  const [, unit] = QUANTITY.exec(text) ?? [];
  if (unit !== undefined) return MASK + unit;
  const [scheme = ""] = SCHEME.exec(text) ?? [];
  return scheme + text.slice(scheme.length).replace(/[^:/[\]{}*]+/g, MASK);
}

/** Collects the keys of the schema's mappings and its enumerated values. */
function collectWords(schema: unknown): readonly string[] {
  if (Array.isArray(schema)) return schema.flatMap(collectWords);
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]): readonly string[] => {
    if (key === "enum" || key === "const") return [value].flat().map(String);
    const inner = collectWords(value);
    return key === "properties" ? inner.concat(Object.keys(Object(value))) : inner;
  });
}
