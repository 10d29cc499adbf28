/** Requests as bytes: valid ones in pieces, and malformed ones. */

import { toRequest } from "../../test/support/request.ts";
import { contentOf } from "./content.ts";
import { hostOf } from "./heads.ts";
import { type Plan, hasUploadTrailer, toTarget } from "./plan.ts";

/** The header section of a planned request. */
export function toHeadText(plan: Plan): string {
  const version = plan.manner === "http10" ? "1.0" : "1.1";
  const lines = [`Host: ${hostOf(plan.head)}`, `X-Request-Id: ${plan.id}`];
  if (plan.manner !== "upgrade") lines.push("TE: trailers");
  if (plan.manner === "close") lines.push("Connection: close");
  if (plan.manner === "expect") lines.push("Expect: 100-continue");
  if (plan.manner === "upgrade") lines.push("Connection: Upgrade", "Upgrade: chaos");
  if (plan.method === "POST" || plan.method === "PUT")
    lines.push(isChunked(plan) ? "Transfer-Encoding: chunked" : `Content-Length: ${plan.upload}`);
  return toRequest(`${plan.method} ${toTarget(plan)} HTTP/${version}`, lines);
}

/** The request's content in that many pieces, each with its framing; empty without content. */
export function toUploadPieces(plan: Plan, pieceCount: number): readonly Buffer[] {
  const { id, upload, method } = plan;
  if (method === "GET" || method === "HEAD") return [];
  const content = contentOf(id, upload);
  const step = Math.max(1, Math.ceil(upload / pieceCount));
  const pieces: Buffer[] = [];
  for (let at = 0; at < upload; at += step) pieces.push(content.subarray(at, at + step));
  if (!isChunked(plan)) return pieces;
  const chunks = pieces.map((piece) =>
    Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]),
  );
  const trailer = hasUploadTrailer(plan) ? `X-Chaos-Trailer: ${id}\r\n` : "";
  return [...chunks, Buffer.from(`0\r\n${trailer}\r\n`)];
}

/** The full request. */
export function toBytes(plan: Plan): Buffer {
  return Buffer.concat([Buffer.from(toHeadText(plan), "latin1"), ...toUploadPieces(plan, 1)]);
}

function isChunked({ uploadFraming, manner }: Plan): boolean {
  return uploadFraming === "chunked" && manner !== "http10";
}

/** A malformed variant of the request (RFC 9112 §3, §5, §6). */
export function toBadBytes(plan: Plan): string {
  const target = toTarget(plan);
  const line = `GET ${target} HTTP/1.1\r\n`;
  const host = "Host: chaos.test\r\n";
  const variants = [
    `${line}\r\n`,
    `${line}${host}Host: other.test\r\n\r\n`,
    `${line}${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    `${line}${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${line}${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${line}${host}X-Space : a\r\n\r\n`,
    `${line}${host}X-Nul: a\0b\r\n\r\n`,
    `${line}${host}X-Long: ${"x".repeat(40_000)}\r\n\r\n`,
    `GET ${target} HTTP/9.9\r\n${host}\r\n`,
    `CONNECT chaos.test:80 HTTP/1.1\r\n${host}\r\n`,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS, not HTTP\r\n\r\n",
  ];
  return variants[plan.salt % variants.length] ?? "";
}
