/** Writes lines of JSON as bytes. With strings, garbage collection of a line's parts would cost more than building them. */

import { toPrintable } from "./printable.ts";
import { growBuffer } from "./grow-buffer.ts";

/** Text that many lines share: three quarters of a line. It is stored so that four bytes at a time can be written. */
export interface PrecomputedBytes {
  /** Four bytes each, little-endian; the last word may be padded with zeros. */
  readonly words: Uint32Array;
  /** The number of bytes without the padding. */
  readonly length: number;
}

/** Collects the bytes of lines in one buffer. */
export interface JsonLineWriter {
  /** Appends text that `precompute` prepared. */
  precomputed(bytes: PrecomputedBytes): void;
  /** Appends headgate's own text unchanged, without escapes. ASCII only. */
  ascii(text: string): void;
  /** Appends a number with at most three decimals. More digits of a duration in milliseconds are noise. */
  number(value: number): void;
  /** Appends untrusted text as a JSON string: printable, at most `maxLength` UTF-16 units, and "…" if it was cut. */
  string(text: string, maxLength: number): void;
  /** Returns the collected bytes and starts again. The next append overwrites the returned bytes. */
  take(): Uint8Array;
}

const FIRST_SIZE = 32 * 1024;
/** The most bytes that UTF-8 needs for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;
const WORD = 4;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const POINT = 0x2e;
const ZERO = 0x30;
/** Up to this value the arithmetic fits in 32 bits. Nearly all durations and counts are smaller. */
const MAX_THOUSANDTHS = 2 ** 31 - 1;
/** The length of the longest number up to that value. */
const MAX_NUMBER = "2147483.647".length;

/** Prepares text for `precomputed`. ASCII only. */
export function precompute(text: string): PrecomputedBytes {
  const { length } = text;
  const bytes = new DataView(new ArrayBuffer(WORD * Math.ceil(length / WORD)));
  for (let at = 0; at < length; at += 1) bytes.setUint8(at, text.charCodeAt(at));
  const words = new Uint32Array(bytes.byteLength / WORD);
  return { words: words.map((_, index) => bytes.getUint32(WORD * index, true)), length };
}

/** Creates a writer with an empty buffer, which grows as needed. */
export function createJsonLineWriter(): JsonLineWriter {
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let view = new DataView(buffer.buffer);
  let end = 0;

  function makeRoom(size: number): void {
    if (end + size <= buffer.length) return;
    buffer = growBuffer(buffer, end, size);
    view = new DataView(buffer.buffer);
  }

  /** Returns false, and appends nothing, if a character needs an escape or more than one byte. */
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

  /** Appends the last `count` digits of an integer. */
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
