/**
 * Reads responses with the deviations that docs/forwarding.md accepts, separately from the parser under test: on complete texts, with
 * regular expressions. A response that two readers could interpret differently is invalid here too.
 */

import {
  type Content,
  type Field,
  type Framing,
  type Head,
  type Problem,
  readChunks as readChunksBy,
} from "./strict.ts";

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD = new RegExp(`^(${TOKEN})([ \\t]*):[ \\t]*([^\\0\\r\\n]*)$`);
const CONTROL = /[\x01-\x08\x0b-\x1f\x7f]/;
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "upgrade"]);
const SIZE = /^([0-9a-fA-F]+)[ \t]*(?:;[^\0\r\n]*)?$/;
const START = /^(HTTP\/1\.[0-9])[ \t]+([1-9]\d{2})(?:[ \t]+([^\0\r\n]*))?$/;

/** Reads a header section with uniform line ends, after any empty lines. Its start line is rewritten with single spaces. */
export function readHead(text: string, at: number): Head | Problem {
  const from = at + (/^(?:\r?\n)*/.exec(text.slice(at))?.[0].length ?? 0);
  const first = text.indexOf("\n", from);
  if (first === -1) return "incomplete";
  const lineEnd = text[first - 1] === "\r" ? "\r\n" : "\n";
  const end = text.indexOf(lineEnd + lineEnd, from);
  if (end === -1) return "incomplete";
  const [startLine = "", ...lines] = text.slice(from, end).split(lineEnd);
  const [, version, digits, reason = ""] = START.exec(startLine) ?? [];
  const fields = toFields(lines);
  if (version === undefined || fields === undefined) return "invalid";
  const minor = version === "HTTP/1.0" ? "0" : "1";
  return { start: `HTTP/1.${minor} ${digits} ${reason}`, fields, end: end + lineEnd.length * 2 };
}

/** The only framing that the fields announce. */
export function framingOf(fields: readonly Field[], maxDigits: number): Framing | "invalid" {
  const lengths = new Set(
    fields.flatMap(([name, value]) =>
      name === "content-length"
        ? value.split(",").map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ""))
        : [],
    ),
  );
  const codings = fields.filter(([name]) => name === "transfer-encoding").map(([, value]) => value);
  if (lengths.size > 1 || codings.length > 1 || lengths.size + codings.length > 1) return "invalid";
  const [length] = lengths;
  const [coding] = codings;
  if (coding !== undefined) return coding.toLowerCase() === "chunked" ? "chunked" : "invalid";
  if (length === undefined) return "none";
  return /^[0-9]+$/.test(length) && length.length <= maxDigits ? Number(length) : "invalid";
}

/** Reads chunks up to their end. */
export function readChunks(text: string, start: number): Content | Problem {
  return readChunksBy(text, start, {
    size: SIZE,
    readTrailers: (end, body) => readTrailers(text, end, body),
  });
}

function readTrailers(text: string, start: number, body: string): Content | Problem {
  const end = text.startsWith("\r\n", start) ? start : text.indexOf("\r\n\r\n", start) + 2;
  if (end === 1) return "incomplete";
  const lines = text.slice(start, end).split("\r\n").slice(0, -1);
  return toFields(lines) === undefined ? "invalid" : { body, end: end + 2 };
}

function toFields(lines: readonly string[]): Field[] | undefined {
  const fields: Field[] = [];
  for (const line of lines) {
    const [, name, blanks, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const isFree = blanks !== "" || CONTROL.test(value);
    if (isFree && FRAMING.has(name.toLowerCase())) return undefined;
    fields.push([name.toLowerCase(), value.replace(/[ \t]+$/, "")]);
  }
  return fields;
}
