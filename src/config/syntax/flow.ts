/** Lists in brackets and mappings in braces of an invalid YAML text: finds unclosed ones and missing commas. */

import type { Related } from "../diagnostic.ts";
import {
  causeAt,
  findLineEnd,
  findLineStart,
  isAtRest,
  isSeparator,
  skipBlanks,
  startsComment,
} from "./cause.ts";
import type { Cause, End } from "./cause.ts";
import { readQuoted } from "./quotes.ts";

/** One value or key. */
interface Token {
  readonly start: number;
  readonly end: number;
  readonly kind: "plain" | "quoted" | "flow";
}

/** An open bracket or brace. */
interface Opener {
  readonly at: number;
  readonly closer: "]" | "}";
  /** The indentation of its line, in characters. */
  readonly indent: number;
  /** The token since the last comma. */
  token: Token | undefined;
  hasColon: boolean;
}

/** A line that is not indented enough to belong to the brackets, and the innermost open bracket before it. */
interface LowLine {
  readonly start: number;
  readonly opener: Opener;
}

/** The state while reading the outermost bracket. */
interface Flow {
  readonly text: string;
  /** The indentation of the setting that the bracket belongs to. */
  readonly base: number;
  readonly start: number;
  readonly stack: Opener[];
  /** The start of the current line. */
  line: number;
  low: LowLine | undefined;
  /** The bracket that was innermost when a closing bracket was found in the column of an outer one. */
  suspect: Opener | undefined;
}

/** The offset where reading continues, or the mistake. */
type Next = number | Cause;

const CLOSERS: Readonly<Record<string, "]" | "}">> = { "[": "]", "{": "}" };

/** Reads from an opening bracket or brace to after its closing one. `base` is the indentation of the setting that it belongs to. */
export function readFlow(text: string, start: number, base: number): End {
  const stack: Opener[] = [];
  const line = findLineStart(text, start);
  const flow: Flow = { text, base, start, stack, line, low: undefined, suspect: undefined };
  let next: Next = open(flow, start);
  while (typeof next === "number" && stack.length > 0) next = readNext(flow, next);
  if (typeof next === "number")
    return flow.low === undefined ? { end: next } : misplaced(text, flow.low, start);
  // After a line that is not indented enough, every mistake is a consequence of the open bracket before it.
  return flow.low === undefined ? next : unclosed(text, flow.low.opener, toNext(flow.low.start));
}

function readNext(flow: Flow, at: number): Next {
  const { text, stack } = flow;
  const char = text.charAt(at);
  const opener = stack.at(-1);
  if (opener === undefined || char === "") return unclosedAtEnd(flow);
  if (char === "\n") return enterLine(flow, at + 1);
  if (/\s/.test(char)) return at + 1;
  if (startsComment(text, at)) return findLineEnd(text, at);
  if (char === "]" || char === "}") return close(flow, at);
  if (char === ",") return enterEntry(text, at, opener);
  if (isColon(text, at, opener)) return readColon(text, at, opener);
  const cause = checkStart(text, at, opener);
  if (cause !== undefined) return cause;
  return char === "[" || char === "{" ? open(flow, at) : readToken(flow, at, opener);
}

function unclosedAtEnd({ text, start, stack, suspect }: Flow): Cause {
  const opener = suspect ?? stack.at(-1);
  return opener === undefined
    ? causeAt(start, "ends too early")
    : unclosed(text, opener, undefined);
}

function enterLine(flow: Flow, line: number): number {
  const { text, base, stack } = flow;
  flow.line = line;
  const content = skipBlanks(text, line);
  const opener = stack.at(-1);
  const isClosing =
    stack.length === 1 && text[content] === opener?.closer && content - line >= base;
  const isLow = content - line <= base && !isAtRest(text, content) && !isClosing;
  if (isLow && opener !== undefined) flow.low ??= { start: content, opener };
  return content;
}

function open({ text, stack, line }: Flow, at: number): number {
  const closer = CLOSERS[text.charAt(at)] ?? "]";
  stack.push({
    at,
    closer,
    indent: skipBlanks(text, line) - line,
    token: undefined,
    hasColon: false,
  });
  return at + 1;
}

function close(flow: Flow, at: number): Next {
  const { text, stack } = flow;
  const opener = stack.at(-1);
  if (opener?.closer !== text[at]) return mismatched(text, stack, at);
  if (isMisplaced(flow, at)) flow.suspect ??= opener;
  stack.pop();
  const outer = stack.at(-1);
  if (outer !== undefined && opener !== undefined)
    outer.token = { start: opener.at, end: at + 1, kind: "flow" };
  return at + 1;
}

function enterEntry(text: string, at: number, opener: Opener): Next {
  if (opener.token === undefined && !opener.hasColon)
    return causeAt(at, `nothing stands before this ${text.charAt(at)}`);
  opener.token = undefined;
  opener.hasColon = false;
  return at + 1;
}

function readColon(text: string, at: number, opener: Opener): Next {
  if (opener.hasColon) return secondColon(text, at, opener);
  opener.token = undefined;
  opener.hasColon = true;
  return at + 1;
}

function readToken(flow: Flow, at: number, opener: Opener): Next {
  const { text, base } = flow;
  const char = text.charAt(at);
  if (char === '"' || char === "'") {
    const read = readQuoted(text, at, { base, within: "flow" });
    if ("message" in read) return read;
    opener.token = { start: at, end: read.end, kind: "quoted" };
    if (text.slice(at, read.end).includes("\n")) flow.line = findLineStart(text, read.end);
    return read.end;
  }
  const cause = checkFirst(text, at, opener);
  if (cause !== undefined) return cause;
  // A plain value may continue on the next line.
  const start = opener.token?.kind === "plain" ? opener.token.start : at;
  const end = findPlainEnd(text, at);
  opener.token = { start, end, kind: "plain" };
  return end;
}

/** Checks the first character of a plain text. */
function checkFirst(text: string, at: number, { token }: Opener): Cause | undefined {
  const [first = "", second = ""] = text.slice(at, at + 2);
  if (first === "#") return causeAt(at, "a comment needs a space before its #");
  if (token !== undefined) return undefined; // the text continues
  if (first === "-" && /^[\s,\]}]?$/.test(second))
    return causeAt(at, "between brackets or braces commas separate the items, not dashes");
  const isEmpty = "&*!".includes(first) && /^[\s,\]}]?$/.test(second);
  return isEmpty || "@`%|>".includes(first)
    ? causeAt(at, `a text cannot begin with ${first}: put it in quotes`)
    : undefined;
}

/** Returns the end of a plain text on its line. */
function findPlainEnd(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (",[]{}\n".includes(char)) break;
    if (char === ":" && (isSeparator(text, at) || ",[]{}".includes(text.charAt(at + 1)))) break;
    if (startsComment(text, at)) break;
  }
  let end = Math.max(at, start + 1);
  while (end > start + 1 && /\s/.test(text.charAt(end - 1))) end -= 1;
  return end;
}

/** Whether a colon at `at` separates key and value. After a quoted text or a bracket, a colon needs no space after it. */
function isColon(text: string, at: number, { token }: Opener): boolean {
  if (text[at] !== ":") return false;
  const isAdjacent = token !== undefined && token.kind !== "plain" && token.end === at;
  return isAdjacent || isSeparator(text, at) || ",[]{}".includes(text.charAt(at + 1));
}

/** Checks whether a value may begin at `at`, after the token before it. */
function checkStart(text: string, at: number, opener: Opener): Cause | undefined {
  const { token } = opener;
  if (token === undefined) return undefined;
  const isAdjacent = token.end === at;
  const isBracket = text[at] === "[" || text[at] === "{";
  if (token.kind === "plain") {
    if (!isBracket) return undefined;
    return isAdjacent
      ? causeAt(at, "between brackets or braces a value with { or [ in it must stand in quotes")
      : missingComma(text, at, opener);
  }
  if (token.kind === "flow" && isAdjacent) return inQuotes(text, token.start);
  return missingComma(text, at, opener);
}

/** If the value is on a new line, the mistake may also be a bracket that was not closed before, so that bracket is shown too. */
function missingComma(text: string, at: number, opener: Opener): Cause {
  const isFirst = skipBlanks(text, findLineStart(text, at)) === at;
  return causeAt(
    at,
    "a comma is missing before this",
    isFirst
      ? {
          span: { start: opener.at, end: opener.at + 1 },
          note: `inside this ${text.charAt(opener.at)}`,
        }
      : undefined,
  );
}

/** Explains a second colon, as in `{ path: /a head: pass }` or `{ listen: [::]:8080 }`. */
function secondColon(text: string, at: number, opener: Opener): Cause {
  const { token } = opener;
  if (token === undefined) return causeAt(at, "this colon has nothing before it");
  if (token.kind === "flow") return inQuotes(text, token.start);
  if (token.kind === "quoted") return missingComma(text, token.start, opener);
  const words = text.slice(token.start, at);
  const last = words.trimEnd().search(/\S+$/);
  if (last > 0) return missingComma(text, token.start + last, opener);
  return {
    span: { start: token.start, end: token.end },
    message: "a value with a colon and a space in it must stand in quotes",
  };
}

/** The cause of a value that begins with a bracket and continues after it, such as `[::]:8080`. */
export function inQuotes(text: string, start: number): Cause {
  const kind = text[start] === "[" ? "a list" : "a mapping";
  const end = text.slice(start, findLineEnd(text, start)).search(/[\s,]|$/);
  return {
    span: { start, end: start + Math.max(end, 1) },
    message: `put it in quotes: what begins with ${text.charAt(start)} is read as ${kind}`,
  };
}

/** Explains a closing bracket that does not match: either the innermost bracket is not closed, or the closing one is superfluous. */
function mismatched(text: string, stack: readonly Opener[], at: number): Cause {
  const char = text.charAt(at);
  const innermost = stack.at(-1);
  const isOpen = stack.some(({ closer }) => closer === char);
  const rest = text.slice(at, findLineEnd(text, at));
  if (innermost === undefined || (!isOpen && rest.includes(innermost.closer)))
    return causeAt(at, `this ${char} has no ${char === "]" ? "[" : "{"} before it`);
  return unclosed(text, innermost, {
    span: { start: at, end: at + 1 },
    note: `${char} comes first`,
  });
}

function unclosed(text: string, { at, closer }: Opener, related: Related | undefined): Cause {
  return causeAt(at, `this ${text.charAt(at)} is not closed: a ${closer} is missing`, related);
}

function toNext(start: number): Related {
  return { span: { start, end: start + 1 }, note: "still inside" };
}

function misplaced(text: string, { start, opener }: LowLine, first: number): Cause {
  const message = `this line is inside the ${text.charAt(first)} and must be indented more than the setting that it belongs to`;
  const span = { start: opener.at, end: opener.at + 1 };
  return causeAt(start, message, { span, note: "inside this" });
}

/** Whether a closing bracket, first on its line, is in the column of an outer opening bracket's line and not of its own. */
function isMisplaced({ text, line, stack }: Flow, at: number): boolean {
  const indent = at - line;
  if (skipBlanks(text, line) !== at) return false;
  const own = stack.at(-1);
  return (
    own?.indent !== indent &&
    stack.some((one) => one.indent === indent && one.closer === own?.closer)
  );
}
