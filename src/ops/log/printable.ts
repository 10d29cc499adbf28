/** Strings of strangers, made fit for a log: bounded, on one line, and without power over a terminal. */

/** Nearly every value is plain ASCII; this cheap test spares it the Unicode one. */
const NOT_PLAIN = /[^\x20-\x7e]/;

/**
 * Control, format (bidirectional overrides among them) and unassigned characters, lone surrogates, line separators.
 * JSON escapes only those below U+0020, yet U+009B starts a terminal sequence just as ESC [ does, and Node decodes field
 * values as Latin-1, so any client can send it.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Writes what must not be printed as nginx does, `\x9b`, in at most `maxLength` UTF-16 units and "…" if it was cut. */
export function toPrintable(text: string, maxLength: number): string {
  // Cut before and after: the first bounds the work, the second what escaping has made longer.
  const short = cut(text, maxLength);
  return NOT_PLAIN.test(short) ? cut(short.replace(UNPRINTABLE, escape), maxLength) : short;
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // A character of two units goes as a whole: a half is written in as many ways as there are writers.
  const isHalf = (text.codePointAt(maxLength - 1) ?? 0) > 0xffff;
  return `${text.slice(0, isHalf ? maxLength - 1 : maxLength)}…`;
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
