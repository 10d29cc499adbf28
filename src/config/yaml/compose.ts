/** Builds the nodes of a YAML text within limits, in steps that do not block the event loop. */

import { Composer, Lexer, Parser } from "yaml";
import type { CST, Document as ParsedDocument, YAMLError } from "yaml";
import { nextTurn } from "../../runtime/turn.ts";

/** The limits of the syntax tree of one text. */
export interface Limits {
  readonly tokens: number;
  readonly depth: number;
  readonly entries: number;
  readonly textLength: number;
}

/** Aliases may repeat a few settings, but must not expand a small file into a large one ("billion laughs"). */
export const MAX_REPEATED = 10_000;
/** The maximum number of errors that are collected. */
const MAX_ERRORS = 100;
/** These tokens take a few milliseconds. */
const TOKENS_PER_TURN = 2048;

/**
 * Always YAML 1.2, regardless of a %YAML directive: `off` and `no` are texts. document.ts finds duplicate keys itself, in linear time.
 */
export const OPTIONS = { schema: "core", uniqueKeys: false, prettyErrors: false } as const;

/** What the lexer yields before a plain or block text: `CST.SCALAR`. An import of `CST` would add 6 KB of unused code to the bundle. */
const TEXT_FOLLOWS = "\u001F";

/** The limit that was exceeded, as a message, and where. */
interface Excess {
  readonly start: number;
  readonly message: string;
}

/** Returns the syntax tree of a text within the limits. It ends at the first error, because the parser cannot make sense of the rest. */
export async function readTokens(
  text: string,
  limits: Limits,
): Promise<readonly CST.Token[] | Excess> {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let count = 0;
  let previous = "";
  for (const lexeme of new Lexer().lex(text)) {
    const start = parser.offset;
    count += 1;
    if (count > limits.tokens)
      return { start, message: `the file holds more than ${limits.tokens} words and marks` };
    if (lexeme.length > limits.textLength && isText(lexeme, previous))
      return { start, message: toTooLong(limits.textLength) };
    tokens.push(...parser.next(lexeme));
    if (tokens.at(-1)?.type === "error") break;
    const tooDeep = parser.stack[limits.depth + 1]; // the first one is the document itself
    if (tooDeep !== undefined && "items" in tooDeep)
      return { start: tooDeep.offset, message: `is nested deeper than ${limits.depth} levels` };
    const innermost = parser.stack.at(-1);
    if (innermost !== undefined && "items" in innermost && innermost.items.length > limits.entries)
      return { start: innermost.offset, message: `has more than ${limits.entries} entries` };
    previous = lexeme;
    if (count % TOKENS_PER_TURN === 0) await nextTurn();
  }
  return [...tokens, ...parser.end()];
}

/** Whether a token is a value or a key, and not a comment. */
function isText(lexeme: string, previous: string): boolean {
  return previous === TEXT_FOLLOWS || /^["']/.test(lexeme);
}

interface Composed {
  readonly document: ParsedDocument | undefined;
  readonly errors: readonly YAMLError[];
}

/** Thrown to leave the composer. */
class TooManyErrors extends Error {}

/** Builds the nodes. It stops after some errors, because each takes ten microseconds and a file can have one for each character. */
export function compose(tokens: readonly CST.Token[]): Composed {
  const composer = new Composer(OPTIONS);
  stopAfter(MAX_ERRORS, composer);
  try {
    const [document] = [...composer.compose(tokens)];
    return { document, errors: [...(document?.errors ?? []), ...(document?.warnings ?? [])] };
  } catch (error) {
    if (!(error instanceof TooManyErrors)) throw error;
    const { errors, warnings } = composer.streamInfo();
    return { document: undefined, errors: [...errors, ...warnings] };
  }
}

/**
 * Makes the composer throw after that many errors. The composer reports all errors through one property, which is private in the
 * package's types. A test with a file full of errors checks that this still works.
 */
function stopAfter(max: number, composer: object): void {
  const reporter = composer as { onError: (...error: readonly unknown[]) => void };
  const report = reporter.onError;
  let count = 0;
  reporter.onError = (...error) => {
    if (count === max) throw new TooManyErrors(); // also if the composer reports this error itself
    count += 1;
    report(...error);
  };
}

/** The message about a text that is too long. */
export function toTooLong(length: number): string {
  return `is longer than ${length} characters`;
}
