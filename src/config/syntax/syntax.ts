/** Explains the syntax errors of a YAML text, at the location where the mistake is and not where the parser stopped. */

import { findCause } from "./block.ts";
import { causeAt } from "./cause.ts";
import type { Cause } from "./cause.ts";

/** An error of the YAML package. It has the location where the parser stopped. */
export interface SyntaxError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [start: number, end: number];
}

/** Finds the cause of the parser's errors. If there is none, it translates the errors. */
export async function explainErrors(
  text: string,
  errors: readonly SyntaxError[],
): Promise<readonly Cause[]> {
  const cause = await findCause(text);
  return cause === undefined ? translate(errors) : [cause];
}

/** Checks a text before it is parsed: finds characters that no text file has. */
export function findForeignText(text: string): Cause | undefined {
  const nul = text.indexOf("\0");
  if (nul !== -1) {
    const isWide = nul < 2 && text.charAt(nul + 2) === "\0";
    return causeAt(
      nul,
      isWide
        ? "the file is UTF-16 text: save it as UTF-8"
        : "the file holds a NUL character: it is no text file, or was damaged",
    );
  }
  const lone = text.search(/\r(?!\n)/);
  return lone === -1
    ? undefined
    : causeAt(lone, "this line ends with CR alone: save the file with LF at the ends of lines");
}

/** Translates errors. Most errors confuse the parser, so that further errors are only consequences: then only the first is kept. */
function translate(errors: readonly SyntaxError[]): readonly Cause[] {
  const all = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  const isHarmless = Object.hasOwn(MESSAGES, all[0]?.code ?? "");
  const shown = isHarmless
    ? all.filter(({ code }) => Object.hasOwn(MESSAGES, code))
    : all.slice(0, 1);
  return shown.map(({ code, message, pos: [start, end] }) => ({
    span: { start, end },
    message: MESSAGES[code] ?? lowerFirst(message),
  }));
}

/** The messages of errors after which the parser continues, in the operator's words. Other errors keep the package's message. */
const MESSAGES: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE:
    "a backslash in double quotes is written twice, or the value stands in single quotes",
  TAB_AS_INDENT: "a tab indents this line: YAML takes spaces only",
  TAG_RESOLVE_FAILED:
    "what begins with ! is a tag, and headgate knows none: leave it out, or put the value in quotes",
  MULTIPLE_ANCHORS: "a value has one anchor at most",
};

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
