/** Reads messages by the grammar of RFC 9112: bytes that only a lenient reader accepts are invalid. Texts are Latin-1. */

/** Why there is no message: more bytes may complete it, or it is malformed. */
export type Problem = "incomplete" | "invalid";

/** A field line. */
export type Field = readonly [name: string, value: string];

/** The kind of a message. */
export type MessageKind = "request" | "response";

/** A start line with fields. */
export interface Head {
  /** Request line or status line. */
  readonly start: string;
  /** Names in lower case, values without the white space around them. */
  readonly fields: readonly Field[];
  /** The offset of the content. */
  readonly end: number;
}

/** The content of a message. */
export interface Content {
  readonly body: string;
  /** Fields after the last chunk. */
  readonly trailers?: readonly Field[];
  readonly end: number;
}

/** The framing that the fields announce: a length, chunks, or none. */
export type Framing = number | "chunked" | "none";

// A token, a colon, and neither a control character nor a bare CR or LF (RFC 9112 §5, RFC 9110 §5.5).
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
/** A response's field may contain control characters: they delimit nothing, and proxies pass them (RFC 9110 §5.5). */
const RESPONSE_FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\0\r\n]*)$/;
const CHUNK = /^([0-9a-fA-F]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
/** The maximum number of digits that a double represents exactly; content of a request has to be counted. */
const REQUEST_DIGITS = 15;
/** A response's length may be larger, because a HEAD's content is never transferred. */
export const RESPONSE_DIGITS = 19;

/** Reads a start line and its fields. */
export function readHead(text: string, at: number, of: MessageKind = "request"): Head | Problem {
  const end = text.indexOf("\r\n\r\n", at);
  if (end === -1) return "incomplete";
  const [start = "", ...lines] = text.slice(at, end).split("\r\n");
  const fields = toFields(lines, of);
  return fields === undefined ? "invalid" : { start, fields, end: end + 4 };
}

/** The values of a field. The name is in lower case. */
export function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field[0] === name).map(([, value]) => value);
}

/** The members of a list field, in lower case (RFC 9110 §5.6.1). */
export function membersOf(fields: readonly Field[], name: string): readonly string[] {
  const members = valuesOf(fields, name).flatMap((value) => value.split(","));
  return members.map((member) => member.trim().toLowerCase()).filter((member) => member !== "");
}

/** The only framing that the fields announce (RFC 9112 §6.3); several framings or a malformed one are invalid. */
export function framingOf(
  fields: readonly Field[],
  maxDigits = REQUEST_DIGITS,
): Framing | "invalid" {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) return "invalid";
  const [length] = lengths;
  const [coding] = codings;
  if (coding !== undefined) return coding.toLowerCase() === "chunked" ? "chunked" : "invalid";
  if (length === undefined) return "none";
  return /^[0-9]+$/.test(length) && length.length <= maxDigits ? Number(length) : "invalid";
}

/** Reads the content that a framing announces. */
export function readContent(
  text: string,
  at: number,
  framing: Framing,
  of: MessageKind = "request",
): Content | Problem {
  if (framing === "chunked")
    return readChunks(text, at, {
      size: CHUNK,
      readTrailers: (start, body) => readTrailers(text, { start, body, of }),
    });
  const end = at + (framing === "none" ? 0 : framing);
  return end > text.length ? "incomplete" : { body: text.slice(at, end), end };
}

/** The grammar of a reader for a chunk's size line and for the trailers after the last chunk. */
interface ChunkReading {
  /** Its first group is the size. */
  readonly size: RegExp;
  readTrailers(start: number, body: string): Content | Problem;
}

/** Reads chunks up to their end. */
export function readChunks(
  text: string,
  start: number,
  { size: sizeLine, readTrailers: readEnd }: ChunkReading,
): Content | Problem {
  let body = "";
  for (let at = start; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return "incomplete";
    const digits = sizeLine.exec(text.slice(at, lineEnd))?.[1]?.replace(/^0+(?=.)/, "");
    if (digits === undefined || digits.length > 12) return "invalid";
    const size = Number.parseInt(digits, 16);
    if (size === 0) return readEnd(lineEnd + 2, body);
    const dataEnd = lineEnd + 2 + size;
    const gap = text.slice(dataEnd, dataEnd + 2);
    if (!"\r\n".startsWith(gap)) return "invalid";
    if (gap !== "\r\n") return "incomplete";
    body += text.slice(lineEnd + 2, dataEnd);
    at = dataEnd + 2;
  }
}

function readTrailers(
  text: string,
  { start, body, of }: { start: number; body: string; of: MessageKind },
): Content | Problem {
  const trailers: Field[] = [];
  for (let at = start; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return "incomplete";
    if (lineEnd === at) return { body, end: at + 2, trailers };
    const fields = toFields([text.slice(at, lineEnd)], of);
    if (fields === undefined) return "invalid";
    trailers.push(...fields);
    at = lineEnd + 2;
  }
}

function toFields(lines: readonly string[], of: MessageKind): Field[] | undefined {
  const fields: Field[] = [];
  for (const line of lines) {
    const [, name, value] = (of === "request" ? FIELD : RESPONSE_FIELD).exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    fields.push([name.toLowerCase(), value.replace(/[ \t]+$/, "")]);
  }
  return fields;
}
