/** Makes untrusted strings safe for a log: limited in length, on one line, and without terminal control sequences. */

/** Nearly every value is printable ASCII. This cheap test avoids the Unicode test for it. */
const NOT_PLAIN = /[^\x20-\x7e]/;

/**
 * Control, format (including bidirectional overrides) and unassigned characters, lone surrogates, line separators.
 * JSON escapes only characters below U+0020. But U+009B starts a terminal sequence as ESC [ does, and any client can send it, because
 * field values are decoded as Latin-1.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Escapes unprintable characters as nginx does (`\x9b`), in at most `maxLength` UTF-16 units, and "…" if the text was cut. */
export function toPrintable(text: string, maxLength: number): string {
  // The first cut limits the work. The second one is needed because escapes make the text longer.
  const short = cut(text, maxLength);
  return NOT_PLAIN.test(short) ? cut(short.replace(UNPRINTABLE, escape), maxLength) : short;
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Does not split a surrogate pair, because writers encode a lone surrogate differently.
  const isHalf = (text.codePointAt(maxLength - 1) ?? 0) > 0xffff;
  return `${text.slice(0, isHalf ? maxLength - 1 : maxLength)}…`;
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
