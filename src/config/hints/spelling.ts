/** Finds mistakes that are visible in the characters of a value, such as typographic quotes. */

import { findLineEnd } from "../syntax/cause.ts";
import type { Span } from "../diagnostic.ts";

/** Returns an addition to the message of an invalid value or key. Empty if its characters are not unusual. */
export function hintOfSpelling(text: string, { start, end }: Span): string {
  const first = text.charAt(start);
  const line = text.slice(start, findLineEnd(text, start));
  if (/[\u2018-\u201f\u00ab\u00bb]/.test(first))
    return ": these quotes are typographic, write plain ones";
  if (line.startsWith("{{"))
    return ": this is a template, check what the template tool makes of it";
  if (/^\{[\w-]+\}/.test(line) || /^\[[0-9A-Fa-f:.]*::[0-9A-Fa-f:.]*\]/.test(line))
    return ": put it in quotes";
  const value = text.slice(start, end);
  if (/["'{[\s]/.test(first)) return "";
  const last = value.at(-1) ?? "";
  if (last === ";" || last === ",") return `: leave the ${last} at the end out`;
  const opening: Readonly<Record<string, string>> = { '"': '"', "'": "'", "]": "[", "}": "{" };
  const missing = Object.hasOwn(opening, last) ? opening[last] : undefined;
  if (missing === undefined || value.slice(0, -1).includes(missing)) return "";
  return missing === '"' || missing === "'"
    ? ": the opening quote is missing"
    : `: the opening ${missing} is missing`;
}
