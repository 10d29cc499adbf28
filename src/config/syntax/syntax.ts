/** A text that is no YAML, or no YAML that anyone meant → what is wrong, at the place where the mistake was made. */

import { findCause } from "./block.ts";
import { causeAt } from "./cause.ts";
import type { Cause } from "./cause.ts";

/** An error of the YAML package, which has the place where the parser gave up. */
export interface SyntaxError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [start: number, end: number];
}

/** What is wrong with a text that the parser refuses. */
export async function explainErrors(
  text: string,
  errors: readonly SyntaxError[],
): Promise<readonly Cause[]> {
  const cause = await findCause(text);
  return cause === undefined ? translate(errors) : [cause];
}

/** What is wrong with a text before it is parsed: characters that no text file has. */
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

/** Most errors make the parser lose its way: what comes after the first one is its consequence. */
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

/** Errors after which the parser goes on, in the operator's words. Others keep the package's. */
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
