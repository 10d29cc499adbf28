/**
 * Finds the mistake in a YAML text that cannot be parsed. The parser stops where it can make no sense of the text, which is often many
 * lines after the mistake: an unclosed quote includes the rest of the file. This reader expects a setting on each line, and stops at
 * the first line that is none.
 */

import {
  TEMPLATE,
  causeAt,
  findContentLine,
  findLineEnd,
  findLineStart,
  isAtRest,
  isSeparator,
  skipBlanks,
  startsComment,
} from "./cause.ts";
import type { Cause } from "./cause.ts";
import { createPauses } from "../../runtime/turn.ts";
import { ODD_SPACE, ODD_SPACE_HERE } from "./odd-space.ts";
import { inQuotes, readFlow } from "./flow.ts";
import { createLevels } from "./levels.ts";
import type { Levels } from "./levels.ts";
import { readQuoted } from "./quotes.ts";

/** The offset where reading continues, or the mistake. Undefined if this reader cannot find it. */
type Next = number | Cause | undefined;

/** Deeper than the parser's limit. */
const MAX_DEPTH = 64;

/**
 * Finds the first mistake in the text, in steps, so that it does not block the event loop. Undefined if this reader finds none.
 */
export async function findCause(text: string): Promise<Cause | undefined> {
  const levels = createLevels();
  const pause = createPauses();
  let at = 0;
  for (;;) {
    const line = findContentLine(text, at);
    if (line === undefined) return undefined;
    const next = readLine(text, line.start, levels);
    if (typeof next !== "number") return next;
    at = next;
    await pause();
  }
}

/** Reads one line. `start` is the offset of its first character that is no blank. */
function readLine(text: string, start: number, levels: Levels): Next {
  const line = findLineStart(text, start);
  const content = text.slice(start, findLineEnd(text, start)).trimEnd();
  const column = start - line;
  const foreign = findForeign(text, start, content);
  if (foreign !== undefined) return foreign;
  const isDirective = /^%[A-Z]/.test(content);
  if (column === 0 && /^--- [\w./]/.test(content))
    return causeAt(start + 4, "nothing can follow --- on its line: begin a new one");
  if (column === 0 && (isDirective || content.startsWith("---")))
    return isDirective || content === "---" ? findLineEnd(text, start) + 1 : undefined;
  return readEntry(text, start, levels);
}

/** Finds text that is no YAML: another language, a merge conflict, odd white space. */
function findForeign(text: string, start: number, content: string): Cause | undefined {
  const line = findLineStart(text, start);
  const tab = text.slice(line, start).indexOf("\t");
  if (tab !== -1) return causeAt(line + tab, TAB);
  if (ODD_SPACE.test(content.charAt(0))) return causeAt(start, ODD_SPACE_HERE);
  const span = { start, end: start + content.length };
  if (/^(<{7}|={7}|>{7})( |$)/.test(content))
    return { span, message: "the file holds a merge conflict that was not resolved" };
  if (/^(- |\S+: )?\{\{/.test(content)) return { span, message: TEMPLATE };
  if (/^(\/\/|\/\*)/.test(content)) return causeAt(start, "a comment begins with #");
  if (/^(```|~~~)/.test(content))
    return { span, message: "this fence of Markdown is no YAML: leave it out" };
  if (content.startsWith("-----BEGIN "))
    return {
      span,
      message:
        "a certificate or key is not written here: put it in a file, and write the path of that",
    };
  if (/^-{4,}$/.test(content))
    return { span, message: "this line of dashes is no YAML: a comment begins with #" };
  return undefined;
}

/** Reads a key, a list item, or a text that continues from the line before. */
function readEntry(text: string, start: number, levels: Levels): Next {
  const mark = /^([-?])(\s|$)/.exec(text.slice(start, start + 2))?.[1];
  if (mark === "?") return undefined; // YAML uses `?` for keys that are not plain texts
  if (mark === "-") return readItem(text, start, levels);
  const colon = findKeyEnd(text, start, levels.column());
  if (typeof colon === "number") return readKey(text, { start, colon }, levels);
  const isInside = start - findLineStart(text, start) > levels.column();
  const isText = levels.column() === -1 && !"[{".includes(text.charAt(start)); // a file that begins with one is no route file
  if (isInside && !isText && levels.value === "none") return readLoneValue(text, start, levels);
  if (isInside && levels.value === "plain") return findLineEnd(text, start) + 1;
  return colon ?? readStranger(text, start);
}

function readItem(text: string, start: number, levels: Levels): Next {
  const column = start - findLineStart(text, start);
  const before = levels.loneText(column);
  if (before !== undefined) {
    return causeAt(
      before,
      text[before] === "-" ? NO_SPACE : "a list item begins with a dash and a space",
    );
  }
  const cause = levels.enter("list", start, column);
  if (cause !== undefined) return cause;
  if (levels.depth() > MAX_DEPTH) return undefined;
  const inner = skipBlanks(text, start + 1);
  const tab = text.slice(start, inner).indexOf("\t");
  if (tab !== -1 && findSeparator(text, inner) !== undefined) return causeAt(start + tab, TAB);
  return isAtRest(text, inner) ? findLineEnd(text, inner) + 1 : readEntry(text, inner, levels);
}

function readKey(
  text: string,
  { start, colon }: { readonly start: number; readonly colon: number },
  levels: Levels,
): Next {
  const column = start - findLineStart(text, start);
  // `- path:/a` is a text. Only the key on the next line shows that the operator meant a key.
  const before = levels.loneText(column);
  const stranger = before === undefined ? undefined : readStranger(text, before);
  return stranger ?? levels.enter("mapping", start, column) ?? readValueOf(text, colon, levels);
}

/** Returns the offset of the colon after a key. It is a cause if the key's quote is not closed, and undefined if there is no key. */
function findKeyEnd(text: string, start: number, base: number): number | Cause | undefined {
  const first = text.charAt(start);
  if (first === '"' || first === "'") {
    const read = readQuoted(text, start, { base: Math.max(base, 0), within: "block" });
    if ("message" in read) return read;
    const at = skipBlanks(text, read.end);
    return isSeparator(text, at) ? at : undefined;
  }
  if ("[{|>&*!#".includes(first)) return undefined;
  const colon = findSeparator(text, start);
  return (colon === undefined ? undefined : checkFirst(text, start)) ?? colon;
}

/** Returns the offset of the line's first colon that separates a key from a value. */
function findSeparator(text: string, start: number): number | undefined {
  const end = findLineEnd(text, start);
  for (let at = start; at < end && !startsComment(text, at); at += 1)
    if (isSeparator(text, at)) return at;
  return undefined;
}

/** Explains a line that is neither a key nor a list item, although one is expected. */
function readStranger(text: string, start: number): Next {
  const content = text.slice(start, findLineEnd(text, start)).trimEnd();
  const span = { start, end: start + content.length };
  const first = content.charAt(0);
  if ("]},".includes(first)) return noOpening(start, first);
  if (/^-[^\s-]/.test(content)) return causeAt(start, NO_SPACE);
  const word = /^([A-Za-z][\w-]*|"[\w-]+")/.exec(content)?.[0] ?? "";
  const rest = content.slice(word.length);
  if (word !== "" && rest.startsWith(":")) return noSpace(text, start + word.length);
  if (word !== "" && /^\s*=/.test(rest)) {
    const at = start + content.indexOf("=");
    return causeAt(at, "a key and its value are separated by a colon and a space, not by =");
  }
  if (word !== "" && /^\s+\S/.test(rest)) {
    return {
      span: { start, end: start + word.length },
      message: `a colon is missing after this word, as in "${word}: …"${rest.endsWith(";") ? "; and a line ends without ;" : ""}`,
    };
  }
  if (word !== "" && rest === "") return { span, message: "a colon is missing after this key" };
  return { span, message: "this line is neither a key with a colon nor a list item with a dash" };
}

/** The cause of a missing space after the colon at `colon`. */
function noSpace(text: string, colon: number): Cause {
  return ODD_SPACE.test(text.charAt(colon + 1))
    ? causeAt(colon + 1, ODD_SPACE_HERE)
    : causeAt(colon, "a space is missing after this colon");
}

const TAB = "a tab indents this line: YAML takes spaces only";
const NO_SPACE = "a space is missing after the dash";

/** Reads the value after a key's colon. */
function readValueOf(text: string, colon: number, levels: Levels): Next {
  const start = skipBlanks(text, colon + 1);
  if (isAtRest(text, start)) return findLineEnd(text, start) + 1;
  if (/^-\s/.test(text.slice(start, start + 2)))
    return causeAt(start, "a list begins on a line of its own: put the dash below the key");
  return readValue(text, start, levels);
}

/** Reads a value on its own line, or after a dash. */
function readLoneValue(text: string, start: number, levels: Levels): Next {
  const next = readValue(text, start, levels);
  if (levels.value === "plain") levels.setLoneText(start, start - findLineStart(text, start));
  return next;
}

/** Reads a value up to its end. */
function readValue(text: string, begin: number, levels: Levels): Next {
  let start = begin;
  // Anchors and tags come before the value.
  while (text[start] === "&" || text[start] === "!")
    start = skipBlanks(text, start + wordAt(text, start).length);
  if (isAtRest(text, start)) return findLineEnd(text, start) + 1;
  const first = text.charAt(start);
  const read = READERS.get(first);
  levels.setValue(read === undefined ? "plain" : "complete");
  return read === undefined ? readPlain(text, start) : read(text, start, levels);
}

const READERS: ReadonlyMap<string, (text: string, start: number, levels: Levels) => Next> = new Map(
  [
    ['"', readQuotedValue],
    ["'", readQuotedValue],
    ["[", readFlowValue],
    ["{", readFlowValue],
    ["|", readBlockText],
    [">", readBlockText],
    ["*", readAlias],
  ],
);

function readQuotedValue(text: string, start: number, levels: Levels): Next {
  const read = readQuoted(text, start, { base: Math.max(levels.column(), 0), within: "block" });
  if ("message" in read) return findUnopened(text, start) ?? read;
  const next = skipBlanks(text, read.end);
  return isAtRest(text, next) ? findLineEnd(text, next) + 1 : mustBeQuoted(text, start, COLON);
}

function readFlowValue(text: string, start: number, levels: Levels): Next {
  const read = readFlow(text, start, levels.column());
  if ("message" in read) return read;
  const next = skipBlanks(text, read.end);
  if (isAtRest(text, next)) return findLineEnd(text, next) + 1;
  if (text[next] === "]" || text[next] === "}") return noOpening(next, text.charAt(next));
  return text[next] === ","
    ? causeAt(next, "nothing may follow here: several items stand in one pair of brackets")
    : inQuotes(text, start);
}

/** Reads a text with `|` or `>`: it includes every line that is indented more than its key. */
function readBlockText(text: string, start: number, levels: Levels): Next {
  const header = skipBlanks(text, start + wordAt(text, start).length);
  if (!/^[|>]([1-9][+-]?|[+-][1-9]?)?$/.test(wordAt(text, start)) || !isAtRest(text, header)) {
    const first = text.charAt(start);
    return mustBeQuoted(text, start, `a value that begins with ${first} must stand in quotes`);
  }
  let line = findLineEnd(text, start) + 1;
  // The text's first line sets the indentation.
  const minColumn = Math.max(findContentLine(text, line)?.column ?? 0, levels.column() + 1);
  for (;;) {
    const content = findContentLine(text, line);
    if (content === undefined) return text.length;
    if (content.column < minColumn) return content.start - content.column;
    line = findLineEnd(text, content.start) + 1;
  }
}

const COLON = "a value with a colon and a space in it must stand in quotes";

function readAlias(text: string, start: number): Next {
  const word = wordAt(text, start);
  if (/^\*[\w-]+$/.test(word) && isAtRest(text, skipBlanks(text, start + word.length)))
    return findLineEnd(text, start) + 1;
  return mustBeQuoted(text, start, "a value that begins with * must stand in quotes");
}

/** Checks the first character of a plain text. */
function checkFirst(text: string, start: number): Cause | undefined {
  const first = text.charAt(start);
  if ("]},".includes(first)) return noOpening(start, first);
  return "@`%".includes(first)
    ? mustBeQuoted(text, start, `a text cannot begin with ${first}`)
    : undefined;
}

const SECOND_KEY =
  "a second key stands on this line: begin it on a line of its own, or put the value in quotes";

function readPlain(text: string, start: number): Next {
  const cause = checkFirst(text, start);
  if (cause !== undefined) return cause;
  if (findSeparator(text, start) === undefined) return findLineEnd(text, start) + 1;
  // The key may also follow a path: `path: /a head: pass`.
  const isKey = /^(\/\S*\s+)?[A-Za-z][\w-]*:\s/.test(text.slice(start, start + 64));
  return findUnopened(text, start) ?? mustBeQuoted(text, start, isKey ? SECOND_KEY : COLON);
}

/** Finds a closing bracket without an opening one on its line: `- path: /a, head: pass }`. */
function findUnopened(text: string, start: number): Cause | undefined {
  const content = text.slice(start, findLineEnd(text, start)).trimEnd();
  const last = content.at(-1) ?? "";
  if (last !== "}" && last !== "]") return undefined;
  return content.includes(last === "}" ? "{" : "[")
    ? undefined
    : noOpening(start + content.length - 1, last);
}

function noOpening(at: number, char: string): Cause {
  const opening: Readonly<Record<string, string>> = { "]": "[", "}": "{" };
  const before = opening[char];
  return causeAt(
    at,
    before === undefined
      ? "nothing stands before this comma"
      : `this ${char} has no ${before} before it`,
  );
}

function mustBeQuoted(text: string, start: number, message: string): Cause {
  const content = text.slice(start, findLineEnd(text, start)).replace(/\s+(#.*)?$/, "");
  const hint = message.includes("quotes") ? message : `${message}: put it in quotes`;
  return { span: { start, end: start + content.length }, message: hint };
}

function wordAt(text: string, start: number): string {
  return /^\S*/.exec(text.slice(start, start + 200))?.[0] ?? "";
}
