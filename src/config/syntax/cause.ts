/** Why a text is no YAML, in the operator's words, and where the mistake was made. */

import type { Related, Span } from "../diagnostic.ts";

/** One mistake. */
export interface Cause {
  readonly span: Span;
  /** It holds text of the file between double quotes only: the status page masks what stands between them. */
  readonly message: string;
  readonly related?: Related | undefined;
}

/** The message of a template that was not rendered. */
export const TEMPLATE = "this is a template: check what the template tool makes of it";

/** Where a piece of the text ends, or what is wrong with it. */
export type End = { readonly end: number } | Cause;

/** Creates the cause for one character. */
export function causeAt(start: number, message: string, related?: Related): Cause {
  return { span: { start, end: start + 1 }, message, related };
}

/** The offset of the next line feed, or of the end of the text. */
export function findLineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

/** The offset where the line of `at` starts. */
export function findLineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

/** The offset of the first character at or after `at` that is no space, tab or carriage return. */
export function skipBlanks(text: string, at: number): number {
  let end = at;
  while (text[end] === " " || text[end] === "\t" || text[end] === "\r") end += 1;
  return end;
}

/** Whether a comment begins there, or the line ends. */
export function isAtRest(text: string, at: number): boolean {
  const char = text[at];
  return char === undefined || char === "\n" || char === "\r" || startsComment(text, at);
}

/** Whether a comment begins there: YAML wants white space before the hash. */
export function startsComment(text: string, at: number): boolean {
  return text[at] === "#" && (at === 0 || /\s/.test(text.charAt(at - 1)));
}

/** Whether a colon at `at` separates a key from its value. A space that only looks like one does not count. */
export function isSeparator(text: string, at: number): boolean {
  return text[at] === ":" && (at + 1 >= text.length || " \t\r\n".includes(text.charAt(at + 1)));
}

/** The offset of the first line at or after `at` that holds more than a comment, and its indentation. Undefined: there is none. */
export function findContentLine(
  text: string,
  at: number,
): { readonly start: number; readonly column: number } | undefined {
  for (let line = at; line < text.length; line = findLineEnd(text, line) + 1) {
    const start = skipBlanks(text, line);
    if (!isAtRest(text, start)) return { start, column: start - line };
  }
  return undefined;
}
