/** Requests for node:http2: valid ones, and some that headgate has to refuse. */

import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";

import { contentOf } from "../content.ts";
import { hostOf } from "../heads.ts";
import { type Plan, hasUploadTrailer, toTarget } from "../plan.ts";

/** A stream that is open, and the function that resets it. */
export interface OpenStream {
  readonly stream: ClientHttp2Stream;
  /** Sends RST_STREAM with CANCEL, without END_STREAM before it. */
  cancel(): void;
}

/** A connection of a client. */
export interface Connected {
  readonly session: ClientHttp2Session;
  readonly scheme: string;
}

/** Opens the stream of a planned request, and sends its header section. The caller sends the content, unless there is none. */
export function openStream({ session, scheme }: Connected, plan: Plan): OpenStream {
  const trailer = hasUploadTrailer(plan) ? plan.id : undefined;
  const options = { endStream: !hasContent(plan), waitForTrailers: trailer !== undefined };
  const opened = open(session, toHeaders(plan, scheme), options);
  const { stream } = opened;
  if (trailer !== undefined)
    stream.once("wantTrailers", () => stream.sendTrailers({ "x-chaos-trailer": trailer }));
  return opened;
}

/** Requests a WebSocket (RFC 8441 §4). */
export function openWebSocket({ session, scheme }: Connected, plan: Plan): OpenStream {
  const headers = { ...toHeaders(plan, scheme), ":method": "CONNECT", ":protocol": "websocket" };
  return open(session, { ...headers, "sec-websocket-version": "13" }, { endStream: false });
}

/** Opens the stream of a request that headgate has to refuse, before the upstream sees any of it. */
export function openRefused({ session, scheme }: Connected, plan: Plan): OpenStream {
  const valid = toHeaders({ ...plan, method: "GET" }, scheme);
  const many = Array.from({ length: 200 }, (_, index) => [`x-${index}`, "1"]);
  const variants: readonly OutgoingHttpHeaders[] = [
    { ...valid, host: "other.test" },
    { ...valid, "x-long": "x".repeat(40_000) },
    { ...valid, ":path": `${toTarget(plan)}#fragment` },
    { ...valid, ":path": "*" },
    { ...valid, ":method": "M".repeat(70) },
    { ...valid, ...Object.fromEntries(many) },
    { ":method": "CONNECT", ":authority": "chaos.test:80" },
  ];
  return open(session, variants[plan.salt % variants.length] ?? valid, { endStream: true });
}

/** The content in that many pieces. */
export function toPieces({ id, upload }: Plan, pieceCount: number): readonly Buffer[] {
  const content = contentOf(id, upload);
  const step = Math.max(1, Math.ceil(upload / pieceCount));
  const pieces: Buffer[] = [];
  for (let at = 0; at < upload; at += step) pieces.push(content.subarray(at, at + step));
  return pieces;
}

/** Whether DATA follows the header section. Half of the requests with empty content end with their header section. */
export function hasContent(plan: Plan): boolean {
  if (plan.method === "GET" || plan.method === "HEAD") return false;
  return plan.upload > 0 || hasUploadTrailer(plan) || plan.salt % 2 === 0;
}

function open(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  options: { readonly endStream: boolean; readonly waitForTrailers?: boolean },
): OpenStream {
  const abortion = new AbortController();
  const stream = session.request(headers, { ...options, signal: abortion.signal });
  return { stream, cancel: () => abortion.abort() };
}

function toHeaders(plan: Plan, scheme: string): OutgoingHttpHeaders {
  const { method, upload, uploadFraming, manner } = plan;
  const isSending = method === "POST" || method === "PUT";
  return {
    ":method": method,
    ":scheme": scheme,
    ":authority": hostOf(plan.head),
    ":path": toTarget(plan),
    "x-request-id": plan.id,
    ...(manner === "upgrade" ? {} : { te: "trailers" }),
    ...(manner === "expect" ? { expect: "100-continue" } : {}),
    ...(isSending && uploadFraming === "length" ? { "content-length": String(upload) } : {}),
  };
}
