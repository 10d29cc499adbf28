/** Lines of JSON, put together as bytes: as strings the pieces of a line would cost more to collect than to make. */

import { toPrintable } from "./printable.ts";
import { growBuffer } from "./grow-buffer.ts";

/** Text that many lines have. Three quarters of a line are such text, so it is kept fit to be written four bytes at a time. */
export interface PrecomputedBytes {
  /** Little-endian; the last one may end in zeros. */
  readonly words: Uint32Array;
  readonly length: number;
}

export interface JsonLineWriter {
  /** What `precompute` made. */
  precomputed(bytes: PrecomputedBytes): void;
  /** Text that is written as it is. ASCII only: what the program itself says. */
  ascii(text: string): void;
  /** A number with at most three decimals: of milliseconds, more digits are noise. */
  number(value: number): void;
  /** A stranger's text as a JSON string: printable, and of at most `maxLength` UTF-16 units and "…" if it was cut. */
  string(text: string, maxLength: number): void;
  /** All that was written, and starts over. What it returns is overwritten by what is written next. */
  take(): Uint8Array;
}

const FIRST_SIZE = 32 * 1024;
/** UTF-8 has at most so many bytes for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;
const WORD = 4;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const POINT = 0x2e;
const ZERO = 0x30;
/** Up to here a number is counted in 32 bits, which is all that durations and counts need that are not rare. */
const MAX_THOUSANDTHS = 2 ** 31 - 1;
/** As long as a number up to there gets. */
const MAX_NUMBER = "2147483.647".length;

/** Takes ASCII only. */
export function precompute(text: string): PrecomputedBytes {
  const { length } = text;
  const bytes = new DataView(new ArrayBuffer(WORD * Math.ceil(length / WORD)));
  for (let at = 0; at < length; at += 1) bytes.setUint8(at, text.charCodeAt(at));
  const words = new Uint32Array(bytes.byteLength / WORD);
  return { words: words.map((_, index) => bytes.getUint32(WORD * index, true)), length };
}

export function createJsonLineWriter(): JsonLineWriter {
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let view = new DataView(buffer.buffer);
  let end = 0;

  function makeRoom(size: number): void {
    if (end + size <= buffer.length) return;
    buffer = growBuffer(buffer, end, size);
    view = new DataView(buffer.buffer);
  }

  /** False, and nothing written, where a character needs an escape or more than a byte. */
  function plain(text: string): boolean {
    makeRoom(text.length + 2);
    const target = buffer;
    let at = end;
    target[at++] = QUOTE;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      target[at++] = code;
    }
    target[at++] = QUOTE;
    end = at;
    return true;
  }

  function ascii(text: string): void {
    makeRoom(text.length);
    const target = buffer;
    const at = end;
    for (let index = 0; index < text.length; index += 1)
      target[at + index] = text.charCodeAt(index);
    end = at + text.length;
  }

  /** The last `count` digits of a whole number. */
  function digits(value: number, count: number): void {
    const target = buffer;
    let rest = value;
    for (let at = end + count - 1; at >= end; at -= 1) {
      const tenth = Math.floor(rest / 10);
      target[at] = ZERO + rest - 10 * tenth;
      rest = tenth;
    }
    end += count;
  }

  return {
    precomputed({ words, length }) {
      makeRoom(length + WORD);
      const target = view;
      let at = end;
      for (let index = 0; index < words.length; index += 1) {
        target.setUint32(at, words[index] ?? 0, true);
        at += WORD;
      }
      end += length;
    },
    ascii,
    number(value) {
      const thousandths = Math.round(value * 1000);
      if (!(thousandths >= 0 && thousandths <= MAX_THOUSANDTHS)) {
        ascii(String(thousandths / 1000));
        return;
      }
      makeRoom(MAX_NUMBER);
      const whole = Math.floor(thousandths / 1000);
      const fraction = thousandths - whole * 1000;
      digits(whole, countDigits(whole));
      if (fraction === 0) return;
      buffer[end++] = POINT;
      digits(fraction, 3);
      while (buffer[end - 1] === ZERO) end -= 1;
    },
    string(text, maxLength) {
      if (text.length <= maxLength && plain(text)) return;
      const json = JSON.stringify(toPrintable(text, maxLength));
      makeRoom(MAX_BYTES_PER_UNIT * json.length);
      end += buffer.write(json, end);
    },
    take() {
      const taken = buffer.subarray(0, end);
      end = 0;
      return taken;
    },
  };
}

function countDigits(whole: number): number {
  let count = 1;
  for (let next = 10; next <= whole; next *= 10) count += 1;
  return count;
}
