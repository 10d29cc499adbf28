/** Reads responses strictly from raw bytes. */

import * as liberties from "./liberties.ts";
import {
  RESPONSE_DIGITS,
  type Field,
  type Framing,
  type Problem,
  framingOf,
  readContent,
  readHead,
} from "./strict.ts";

/** A response. */
export interface ReadResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly end: number;
  /** Whether only the end of the connection delimits its content (RFC 9112 §6.3). */
  readonly isDelimitedByClose: boolean;
}

/** The responses in the received bytes, as far as they could be read. */
export interface ReadResponses {
  readonly interim: readonly ReadResponse[];
  readonly final: readonly ReadResponse[];
  /** What follows the last response. */
  readonly rest: "complete" | Problem;
}

/** How the bytes ended: more may follow, or the connection was closed or reset. */
export type Close = "open" | "end" | "reset";

/** How responses are read: by the grammar of RFC 9112, but with control characters, or with the deviations of old backends. */
export type Reading = "strict" | "tolerant";

const READERS = {
  strict: {
    head: (text: string, at: number) => readHead(text, at, "response"),
    framing: framingOf,
    content: (text: string, at: number, framing: Framing) =>
      readContent(text, at, framing, "response"),
  },
  tolerant: {
    head: liberties.readHead,
    framing: liberties.framingOf,
    content: (text: string, at: number, framing: Framing) =>
      framing === "chunked"
        ? liberties.readChunks(text, at)
        : readContent(text, at, framing, "response"),
  },
};

// Blanks before the reason are not part of it.
const START = /^HTTP\/1\.([01]) ([1-9]\d{2}) [\t ]*([^\0\r\n]*)$/;

/** Reads one response to `method`. */
export function readResponse(
  text: string,
  at: number,
  {
    method,
    close,
    reading,
  }: { readonly method: string; readonly close: Close; readonly reading: Reading },
): ReadResponse | Problem {
  const read = READERS[reading];
  const head = read.head(text, at);
  if (typeof head === "string") return head;
  const [start, minor, digits, reason = ""] = START.exec(head.start) ?? [];
  const framing = read.framing(head.fields, RESPONSE_DIGITS);
  if (start === undefined || framing === "invalid") return "invalid";
  const status = Number(digits);
  const whole = { status, reason, fields: head.fields, isDelimitedByClose: false };
  // RFC 9112 §6.3: these responses end with their header section, whatever their fields announce.
  if (method === "HEAD" || status < 200 || status === 204 || status === 304)
    return { ...whole, body: "", end: head.end };
  if (framing === "chunked" && minor === "0") return "invalid";
  if (framing !== "none") {
    const content = read.content(text, head.end, framing);
    return typeof content === "string" ? content : { ...whole, ...content };
  }
  if (close !== "end") return "incomplete";
  return { ...whole, body: text.slice(head.end), end: text.length, isDelimitedByClose: true };
}

/** Reads the responses to requests with these methods, and any bytes after them. */
export function readResponses(
  text: string,
  methods: readonly string[],
  close: Close,
): ReadResponses {
  const interim: ReadResponse[] = [];
  const final: ReadResponse[] = [];
  for (let at = 0; ;) {
    if (at === text.length) return { interim, final, rest: "complete" };
    const answer = readResponse(text, at, {
      method: methods[final.length] ?? "GET",
      close,
      reading: "strict",
    });
    if (typeof answer === "string") return { interim, final, rest: answer };
    (answer.status < 200 ? interim : final).push(answer);
    at = answer.end;
  }
}
