/** The upstream's responses as bytes. */

import { toHead } from "../../test/support/responses.ts";
import { contentOf } from "./content.ts";
import type { Order } from "./plan.ts";

/** Bytes for `socket.write`; a string has one character per byte. */
export type Bytes = string | Buffer;

/** A response that stops in the middle of its content. */
export function cutResponse({ id, size, salt, framing }: Order): readonly Bytes[] {
  const cut = salt % size;
  const content = contentOf(id, cut);
  const head = headText(200, id, framingFields(framing, size));
  if (cut === 0) return [head];
  if (framing !== "chunked") return [head, content];
  // Either a complete chunk, so that only the last chunk is missing, or a chunk that announces more bytes than follow.
  return salt % 2 === 0
    ? [head, `${cut.toString(16)}\r\n`, content, "\r\n"]
    : [head, `${size.toString(16)}\r\n`, content];
}

/** The full response. */
export function fullResponse({ id, size, framing, fault }: Order, status = 200): readonly Bytes[] {
  const head = headText(status, id, framingFields(framing, size));
  const content = contentOf(id, size);
  if (framing !== "chunked") return [head, content];
  const middle = Math.ceil(size / 2);
  const chunks = [content.subarray(0, middle), content.subarray(middle)]
    .filter(({ length }) => length > 0)
    .flatMap((chunk) => [`${chunk.length.toString(16)}\r\n`, chunk, "\r\n"]);
  const trailers = fault === "trailers" ? `X-Chaos-Trailer: ${id}\r\n` : "";
  return [head, ...chunks, `0\r\n${trailers}\r\n`];
}

function framingFields(framing: Order["framing"], size: number): readonly string[] {
  if (framing === "length") return [`Content-Length: ${size}`];
  return framing === "chunked" ? ["Transfer-Encoding: chunked"] : ["Connection: close"];
}

/** A header section that carries the id. */
export function headText(status: number, id: string, fields: readonly string[]): string {
  return toHead(`${status} Chaos`, [`X-Chaos-Id: ${id}`, ...fields]);
}

/** Joins pieces to one buffer. */
export function joined(pieces: readonly Bytes[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)),
  );
}
