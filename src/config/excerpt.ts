/** An excerpt of a file: the lines of a mistake, with marks under it. */

import { hideInLine } from "../http/secrets.ts";
import { widthOf } from "./text-width.ts";

/** A marked part of one line. `column` and `length` are in characters; `column` counts from 0. */
export interface Mark {
  /** From 1. */
  readonly line: number;
  /** The whole line, without its end. */
  readonly content: string;
  readonly column: number;
  readonly length: number;
  /** Shown after the mark. */
  readonly note?: string | undefined;
}

/** The maximum number of characters shown of a line. */
const WIDTH = 100;
/** Characters that are read before and after the shown part, because a secret may begin or end there. */
const MARGIN = 1_000;

/** A line as it is shown: from a column on, without secrets and control characters. */
interface Shown {
  readonly mark: Mark;
  readonly from: number;
  readonly text: string;
}

/**
 * Draws the line of a mistake with carets under it. `related` is a second part of the file, which explains the mistake. Hyphens mark
 * it, on the same line or on its own line.
 */
export function drawExcerpt(mistake: Mark, related?: Mark): string {
  const marks = related === undefined ? [mistake] : [mistake, related];
  const width = String(Math.max(...marks.map(({ line }) => line))).length;
  const [shown, ...others] = marks.map((mark) => toShown(mark, windowStart(mark)));
  if (shown === undefined) return "";
  if (related?.line === mistake.line) {
    const underline = joinUnderlines(
      underlineOf(mistake, "^", shown),
      underlineOf(related, "-", shown),
    );
    return formatLines(shown, underline, width);
  }
  const parts = [shown, ...others].map((one, index) => ({
    line: one.mark.line,
    text: formatLines(one, underlineOf(one.mark, index === 0 ? "^" : "-", one), width),
  }));
  const [first, second] = parts.toSorted((a, b) => a.line - b.line);
  if (first === undefined || second === undefined) return first?.text ?? "";
  const gap = second.line - first.line > 1 ? `\n  ${" ".repeat(width)}...` : "";
  return `${first.text}${gap}\n${second.text}`;
}

/** Returns the first column that is shown. */
function windowStart({ column }: Mark): number {
  return column < WIDTH - 20 ? 0 : column - 40;
}

function toShown(mark: Mark, from: number): Shown {
  // A line can be 256 KiB long, so only the characters near the mark are searched for secrets.
  const before = Math.max(0, from - MARGIN);
  const near = hideInLine(mark.content.slice(before, from + WIDTH + MARGIN));
  const text = replaceControls(near.slice(from - before, from - before + WIDTH));
  return { mark, from, text };
}

/** Characters of East Asian scripts are two columns wide, so the underline depends on the text above it. */
function underlineOf({ content, column, length, note }: Mark, char: string, shown: Shown): string {
  const start = column - shown.from;
  if (start < 0 || start >= WIDTH) return "";
  const size = Math.max(1, Math.min(length, content.length - column, WIDTH - start));
  const marked = Math.max(1, widthOf(shown.text.slice(start, start + size)));
  const end = note === undefined ? "" : ` ${note}`;
  return `${" ".repeat(widthOf(shown.text.slice(0, start)))}${char.repeat(marked)}${end}`;
}

/** Joins two underlines into one line. If they overlap, only the first is shown. */
function joinUnderlines(first: string, second: string): string {
  const [left, right] = first.length < second.length ? [first, second] : [second, first];
  const place = right.search(/\S/);
  return place >= left.length ? left + right.slice(left.length) : first;
}

function formatLines({ mark: { line }, text }: Shown, underline: string, width: number): string {
  return `  ${String(line).padStart(width)} | ${text}\n  ${" ".repeat(width)} | ${underline}`;
}

/**
 * Replaces control and direction characters, because texts from files and variables reach the terminal and the log. Each is
 * replaced with one character, so that carets stay under their text.
 */
export function replaceControls(text: string): string {
  return text.replaceAll("\t", " ").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, "\ufffd");
}
