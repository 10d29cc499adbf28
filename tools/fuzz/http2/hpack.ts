/** Writes and reads field blocks (RFC 7541). Texts are Latin-1. */

import type { Random } from "../../shared/random.ts";
import type { Field } from "../strict.ts";
import { fromHuffman, toHuffman } from "./huffman.ts";

/** RFC 7541 appendix A; `name value`, and only the name where the value is empty. */
const STATIC: readonly Field[] = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`
  .split("\n")
  .map((line) => {
    const [, name = "", value = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    return [name, value];
  });

const DEFAULT_SIZE = 4096;

/** One side of the dynamic table (§2.3.2). */
interface Table {
  readonly entries: Field[];
  maxSize: number;
}

function add(table: Table, field: Field): void {
  table.entries.unshift(field);
  evict(table);
}

function evict({ entries, maxSize }: Table): void {
  let size = 0;
  const fits = entries.filter(
    ([name, value]) => (size += name.length + value.length + 32) <= maxSize,
  );
  entries.length = fits.length;
}

function at({ entries }: Table, index: number): Field | undefined {
  return index <= STATIC.length ? STATIC[index - 1] : entries[index - STATIC.length - 1];
}

/** Writes field blocks, in every way that HPACK has. */
export type Encode = (fields: readonly Field[]) => string;

/** Creates the writer of one connection; `random` chooses the way for each field, and without it each is a plain literal. */
export function createEncoder(random?: Random): Encode {
  const table: Table = { entries: [], maxSize: DEFAULT_SIZE };
  const toText = (text: string): string => {
    if (random === undefined || !random.oneIn(3)) return toInteger(text.length, 7, 0) + text;
    const packed = toHuffman(text);
    return toInteger(packed.length, 7, 0x80) + packed;
  };
  const indexOf = (isSought: (field: Field) => boolean): number =>
    [...STATIC, ...table.entries].findIndex(isSought) + 1;
  return (fields) =>
    fields
      .map(([name, value]) => {
        if (random === undefined) return `\0${toText(name)}${toText(value)}`;
        const whole = indexOf((field) => field[0] === name && field[1] === value);
        if (whole > 0 && !random.oneIn(3)) return toInteger(whole, 7, 0x80);
        const named = random.oneIn(3) ? 0 : indexOf((field) => field[0] === name);
        const [bits, pattern] = random.pick([
          [6, 0x40],
          [4, 0],
          [4, 0x10],
        ] as const);
        const text =
          toInteger(named, bits, pattern) + (named > 0 ? "" : toText(name)) + toText(value);
        if (pattern === 0x40) add(table, [name, value]);
        return text;
      })
      .join("");
}

/** Writes an integer behind the bits of a pattern (§5.1). */
export function toInteger(value: number, bits: number, pattern: number): string {
  const max = 2 ** bits - 1;
  if (value < max) return String.fromCharCode(pattern | value);
  let text = String.fromCharCode(pattern | max);
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128))
    text += String.fromCharCode((rest % 128) | 128);
  return text + String.fromCharCode(rest);
}

/** Reads field blocks in their order; undefined: the block is malformed. */
export type Decode = (block: string) => Field[] | undefined;

/** Creates the reader of one connection. `maxSize`: the limit of the dynamic table that the writer was told. */
export function createDecoder(maxSize = DEFAULT_SIZE): Decode {
  const table: Table = { entries: [], maxSize: Math.min(maxSize, DEFAULT_SIZE) };
  return (block) => {
    try {
      return decode(block, table, maxSize);
    } catch (error) {
      if (error instanceof MalformedBlock) return undefined;
      throw error;
    }
  };
}

class MalformedBlock extends Error {}

function decode(block: string, table: Table, maxSize: number): Field[] {
  const fields: Field[] = [];
  let offset = 0;

  function takeInteger(bits: number): number {
    const max = 2 ** bits - 1;
    let value = takeByte() & max;
    if (value < max) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = takeByte();
      value += (byte & 127) * factor;
      if (value > 2 ** 31) throw new MalformedBlock();
      if (byte < 128) return value;
    }
  }

  function takeByte(): number {
    if (offset >= block.length) throw new MalformedBlock();
    return block.charCodeAt(offset++);
  }

  function takeText(): string {
    const isPacked = block.charCodeAt(offset) >= 128;
    const length = takeInteger(7);
    const bytes = block.slice(offset, offset + length);
    offset += length;
    const text = isPacked ? fromHuffman(bytes) : bytes;
    if (bytes.length < length || text === undefined) throw new MalformedBlock();
    return text;
  }

  function fieldAt(index: number): Field {
    const field = index === 0 ? undefined : at(table, index);
    if (field === undefined) throw new MalformedBlock();
    return field;
  }

  function takeLiteral(bits: number): Field {
    const index = takeInteger(bits);
    return [index === 0 ? takeText() : fieldAt(index)[0], takeText()];
  }

  while (offset < block.length) {
    const first = block.charCodeAt(offset);
    if (first >= 0x80) fields.push(fieldAt(takeInteger(7)));
    else if (first >= 0x40) {
      const field = takeLiteral(6);
      add(table, field);
      fields.push(field);
    } else if (first >= 0x20) {
      const size = takeInteger(5);
      if (size > maxSize || fields.length > 0) throw new MalformedBlock(); // §4.2
      table.maxSize = size;
      evict(table);
    } else fields.push(takeLiteral(4));
  }
  return fields;
}
