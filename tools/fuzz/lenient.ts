/**
 * Reads a request as lenient servers do. It shares no code with the strict reader, so that both cannot have the same fault.
 *
 * It accepts: a LF or CR alone as a line end, white space and control characters around names and values, lines without a colon, folded
 * lines, codings that only contain the word chunked, lists, signs and prefixes in lengths, chunk sizes with any characters around their
 * digits, and chunks without a line end. `preference` decides between two fields that frame the same message.
 */

/** A request as a lenient server reads it. */
export interface LenientRequest {
  readonly method: string;
  readonly target: string;
  readonly framing: number | "chunked" | "none";
  readonly body: string;
  readonly end: number;
}

/** Which of two framings and which of two lengths counts: there are servers of each kind. */
export type Preference = "chunked, first length" | "length, last length";

const LINE = /\r\n|\n|\r/g;

/** Reads one request; undefined if bytes are missing. */
export function readLeniently(
  text: string,
  at: number,
  preference: Preference,
): LenientRequest | undefined {
  const head = readLines(text, at);
  if (head === undefined) return undefined;
  const [start = "", ...lines] = head.lines;
  const [method = "", target = ""] = start.trim().split(/\s+/);
  const framing = toFraming(lines, preference);
  const content =
    framing === "chunked"
      ? readChunks(text, head.end)
      : readLength(text, head.end, framing === "none" ? 0 : framing);
  return content === undefined ? undefined : { method, target, framing, ...content };
}

/** Reads lines up to the empty line; it skips empty lines before them. */
function readLines(text: string, at: number): { lines: string[]; end: number } | undefined {
  const lines: string[] = [];
  for (let from = at; ;) {
    LINE.lastIndex = from;
    const found = LINE.exec(text);
    if (found === null) return undefined;
    const line = text.slice(from, found.index);
    from = LINE.lastIndex;
    if (line !== "") lines.push(line);
    else if (lines.length > 0) return { lines, end: from };
  }
}

function toFraming(lines: readonly string[], preference: Preference): LenientRequest["framing"] {
  const unfolded = lines.join("\n").replaceAll(/\n[ \t]+/g, " ");
  let isChunked = false;
  const lengths: number[] = [];
  for (const line of unfolded.split("\n")) {
    const [name = "", ...rest] = line.split(":");
    const value = rest.join(":");
    const plain = name.replaceAll(/[\x00-\x20\x7f-\xff]/g, "").toLowerCase();
    if (plain === "transfer-encoding") isChunked ||= /chunked/i.test(value);
    if (plain === "content-length")
      for (const [digits] of value.matchAll(/0x[0-9a-f]+|\d+/gi)) lengths.push(Number(digits));
  }
  const isFirst = preference === "chunked, first length";
  const length = isFirst ? lengths.at(0) : lengths.at(-1);
  if (isChunked && (isFirst || length === undefined)) return "chunked";
  return length ?? "none";
}

function readLength(text: string, at: number, length: number) {
  return at + length > text.length
    ? undefined
    : { body: text.slice(at, at + length), end: at + length };
}

function readChunks(text: string, start: number): { body: string; end: number } | undefined {
  let body = "";
  for (let at = start; ;) {
    LINE.lastIndex = at;
    const found = LINE.exec(text);
    if (found === null) return undefined;
    const line = text.slice(at, found.index).replaceAll("_", "");
    const size = Number.parseInt(/[0-9a-f]+/i.exec(line.replace(/0x/i, ""))?.[0] ?? "0", 16);
    if (size === 0) {
      const end = skipTrailers(text, LINE.lastIndex);
      return end === undefined ? undefined : { body, end };
    }
    const dataAt = LINE.lastIndex;
    if (dataAt + size + 2 > text.length) return undefined;
    body += text.slice(dataAt, dataAt + size);
    at = dataAt + size;
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
  }
}

function skipTrailers(text: string, start: number): number | undefined {
  for (let at = start; ;) {
    LINE.lastIndex = at;
    const found = LINE.exec(text);
    if (found === null) return undefined;
    if (found.index === at) return LINE.lastIndex;
    at = LINE.lastIndex;
  }
}
