/** Quoted texts of an invalid YAML text: finds where each ends, and which is not closed. */

import { causeAt, findContentLine, findLineEnd, isAtRest, skipBlanks } from "./cause.ts";
import type { Cause, End } from "./cause.ts";

/** What may follow a quoted text on its line. In block style it is the end of the line or, after a key, a colon. */
const FOLLOWERS = { block: /^:(\s|$)/, flow: /^[,\]}:]/ } as const;

/**
 * Reads a quoted text. `base` is the indentation of the setting that it belongs to. A line that is not indented more is a new setting,
 * so the quote was not closed before it.
 */
export function readQuoted(
  text: string,
  start: number,
  { base, within }: { readonly base: number; readonly within: keyof typeof FOLLOWERS },
): End {
  const closing = findClosing(text, start);
  const isLow = hasLowLine(text, { start, end: closing ?? text.length, base });
  if (closing === undefined || isLow) return unclosed(text, start, closing);
  const end = closing + 1;
  const next = skipBlanks(text, end);
  if (isAtRest(text, next) || FOLLOWERS[within].test(text.slice(next, next + 2))) return { end };
  if (text.slice(start, end).includes("\n")) return unclosed(text, start, closing);
  if (/^\p{L}'\p{L}$/u.test(text.slice(closing - 1, closing + 2)))
    return causeAt(closing, "a single quote within single quotes is written twice");
  if (hasOddQuotes(text, start)) return unclosed(text, start, closing);
  if (text[end] === "#") return causeAt(end, "a comment needs a space before its #");
  if (within === "flow" && next > end) return { end }; // the caller reports what is wrong, for example a missing comma
  const message = "more text follows the quoted one: put all of it in one pair of quotes";
  return { span: { start, end }, message };
}

function findClosing(text: string, start: number): number | undefined {
  const mark = text[start];
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\\" && mark === '"') at += 1;
    else if (char === mark) {
      if (mark === '"' || text[at + 1] !== mark) return at;
      at += 1; // in single quotes, two quotes stand for one
    }
  }
  return undefined;
}

function hasLowLine(
  text: string,
  { start, end, base }: { readonly start: number; readonly end: number; readonly base: number },
): boolean {
  let line = findLineEnd(text, start) + 1;
  while (line <= end && line < text.length) {
    const content = skipBlanks(text, line);
    if (content <= end && text[content] !== "\n" && content - line <= base) return true;
    line = findLineEnd(text, line) + 1;
  }
  return false;
}

/** Whether the line has an odd number of these quotes: then one is missing. */
function hasOddQuotes(text: string, start: number): boolean {
  const mark = text.charAt(start);
  return text.slice(start, findLineEnd(text, start)).split(mark).length % 2 === 0;
}

function unclosed(text: string, start: number, closing: number | undefined): Cause {
  const kind = text[start] === '"' ? "double" : "single";
  const message = `this ${kind} quote is not closed: put another at the end of the value`;
  const lineEnd = findLineEnd(text, start);
  if (closing === undefined) {
    const next = findContentLine(text, lineEnd + 1);
    return causeAt(
      start,
      message,
      next && { span: { start: next.start, end: next.start + 1 }, note: "still inside the quotes" },
    );
  }
  return causeAt(start, message, {
    span: { start: closing, end: closing + 1 },
    note: "ends here instead",
  });
}
