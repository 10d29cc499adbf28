/** Problems of a route file as lines that more than the operator may read: without what the operator wrote, which may be a secret. */

import type { Diagnostic } from "./diagnostic.ts";
import { toJsonSchema } from "./schema/file.ts";

/** A ConfigError's problem, or anything else that has a message. */
export type MaskableDiagnostic = Pick<Diagnostic, "message"> & Partial<Diagnostic>;

const MASK = "…";

/** What headgate's hints put before or behind what was written. */
const SCHEME = /^(?:https?:\/\/|unix:|fd:)?/;
const QUANTITY = /^[0-9.]+(ms|s|m|h|B|KiB|MiB|GiB)$/;

/**
 * Creates the function that makes `file:line:col key: message` of a problem. Messages quote what was written, so all that stands in
 * quotes is masked, except for headgate's own words: keys and values of the schema. `isShown` tells which names of the operator's may
 * be read here as well. A hint that repeats what was written (`did you mean ":8080"?`) keeps its own characters: `":…"`. One without
 * quotes (`did you mean [GET]?`) is masked whole.
 */
export function createMasking(
  isShown: (name: string) => boolean,
): (problem: MaskableDiagnostic) => string {
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

/** Keys of mappings and the values that a word may have. */
function collectWords(schema: unknown): readonly string[] {
  if (Array.isArray(schema)) return schema.flatMap(collectWords);
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]): readonly string[] => {
    if (key === "enum" || key === "const") return [value].flat().map(String);
    const inner = collectWords(value);
    return key === "properties" ? inner.concat(Object.keys(Object(value))) : inner;
  });
}
