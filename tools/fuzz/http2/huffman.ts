/** The Huffman code of HPACK (RFC 7541 appendix B). It is canonical, so the lengths of its codes determine it. */

/** The number of bits of each byte's code, and of EOS at the end. */
// prettier-ignore
const LENGTHS = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  [30],
].flat();

const EOS = 256;
const MAX_PADDING = 7;

/** Each symbol by the bits of its code. */
const SYMBOLS = new Map(toCodes().map((code, symbol) => [code, symbol]));
const CODES = toCodes();

function toCodes(): string[] {
  const codes: string[] = [];
  const order = LENGTHS.map((length, symbol) => ({ length, symbol }));
  let next = 0;
  let before = 0;
  for (const { length, symbol } of order.toSorted((a, b) => a.length - b.length)) {
    next *= 2 ** (length - before);
    before = length;
    codes[symbol] = next.toString(2).padStart(length, "0");
    next += 1;
  }
  return codes;
}

/** Encodes a text. */
export function toHuffman(text: string): string {
  let bits = "";
  for (let at = 0; at < text.length; at += 1) bits += CODES[text.charCodeAt(at)];
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return whole.replaceAll(/.{8}/g, (byte) => String.fromCharCode(Number.parseInt(byte, 2)));
}

/** Decodes a text; undefined if it contains EOS, or is padded with more than seven bits or with others than those of EOS (§5.2). */
export function fromHuffman(bytes: string): string | undefined {
  let text = "";
  let code = "";
  for (let at = 0; at < bytes.length; at += 1) {
    for (const bit of bytes.charCodeAt(at).toString(2).padStart(8, "0")) {
      code += bit;
      const symbol = code.length < 5 ? undefined : SYMBOLS.get(code);
      if (symbol === EOS) return undefined;
      if (symbol === undefined) continue;
      text += String.fromCharCode(symbol);
      code = "";
    }
  }
  return code.length <= MAX_PADDING && !code.includes("0") ? text : undefined;
}
