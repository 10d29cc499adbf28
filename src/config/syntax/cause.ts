/** Why a text is no YAML, in the operator's words, and where the mistake is. Also the helpers that read such a text. */

import type { Related, Span } from "../diagnostic.ts";

/** One mistake in the syntax. */
export interface Cause {
  readonly span: Span;
  /** It quotes text of the file only between double quotes, because the status page masks the text between them. */
  readonly message: string;
  readonly related?: Related | undefined;
}

/** The message of a template that was not rendered. */
export const TEMPLATE = "this is a template: check what the template tool makes of it";

/** The offset where a part of the text ends, or the mistake in it. */
export type End = { readonly end: number } | Cause;

/** Creates a cause for one character. */
export function causeAt(start: number, message: string, related?: Related): Cause {
  return { span: { start, end: start + 1 }, message, related };
}

/** Returns the offset of the next line feed, or of the end of the text. */
export function findLineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

/** Returns the offset where the line of `at` starts. */
export function findLineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

/** Returns the offset of the first character at or after `at` that is no space, tab or carriage return. */
export function skipBlanks(text: string, at: number): number {
  let end = at;
  while (text[end] === " " || text[end] === "\t" || text[end] === "\r") end += 1;
  return end;
}

/** Whether a comment begins at `at`, or the line ends. */
export function isAtRest(text: string, at: number): boolean {
  const char = text[at];
  return char === undefined || char === "\n" || char === "\r" || startsComment(text, at);
}

/** Whether a comment begins at `at`. YAML requires white space before the hash. */
export function startsComment(text: string, at: number): boolean {
  return text[at] === "#" && (at === 0 || /\s/.test(text.charAt(at - 1)));
}

/** Whether a colon at `at` separates a key from its value. A character that only looks like a space does not count as one. */
export function isSeparator(text: string, at: number): boolean {
  return text[at] === ":" && (at + 1 >= text.length || " \t\r\n".includes(text.charAt(at + 1)));
}

/** Finds the first line at or after `at` that is not empty or a comment: the offset of its content and its indentation. */
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
