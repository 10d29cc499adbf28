/** Words of a command that the operator pastes into a shell. */

import { toPrintable } from "../ops/log/printable.ts";

/** More characters than any path or URL of a command has. */
const MAX_WORD = 1_000;

/** Writes a word for a POSIX shell or zsh, in quotes if it needs them. */
export function quoteForShell(word: string): string {
  const shown = toPrintable(word, MAX_WORD);
  return /^[\w./:@%+,=-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", String.raw`'\''`)}'`;
}
