/** The width of a text on a terminal. */

/** Characters that take two columns (Unicode's East Asian Width), by the scripts and symbols that Node knows. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\p{Script=Khitan_Small_Script}\p{Emoji_Presentation}\u2329\u232a\u2ff0-\u303e\u3041-\u33ff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f200}-\u{1f265}]/u;
/** Of these scripts: forms of half the width, and symbols that stand for one letter. */
const HALF = /[\u02ea\u02eb\u3248-\u324f\uff61-\uffdc\u{1f1e6}-\u{1f1ff}]/u;
/** Marks that are drawn over the character before them, and the later parts of a Hangul syllable. */
const NO_WIDTH = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7fb]/u;
/** Nearly every text is of such characters. */
const PLAIN = /^[ -~]*$/;

/** Returns the number of columns. A control character counts as one, as its replacement does. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

function widthOfOne(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) && !HALF.test(character) ? 2 : 1;
}
