/** Converts the header section of an HTTP/2 request (RFC 9113 §8.3) to the one that the rest of headgate reads. */

import { type ErrorName, ProxyError } from "../../http/errors.ts";
import { kindOf } from "../../http/fields.ts";
import { type RequestFields, readRequestFields } from "../../http/request-fields.ts";
import { MAX_METHOD_BYTES, type RequestHead } from "../../http/wire/request-head.ts";
import { trim } from "../../http/wire/grammar.ts";
import type { ParsedRequest, UnframedRequest } from "../../http/wire/request-parser.ts";
import { VALUE } from "./stream-fields.ts";
import { toUpgradeRequest } from "./web-socket.ts";

/** A converted header section. It is a request for a WebSocket if `webSocketKey` is there. */
export type StreamHead = (ParsedRequest & { readonly webSocketKey?: string }) | UnframedRequest;

/** Whether content may follow, or the header section ended the stream. */
export type StreamContent = "none" | "follows";

/** The pseudo-fields of a request. */
interface Pseudo {
  readonly method: string;
  readonly authority: string | undefined;
  readonly path: string;
  /** The protocol of an extended CONNECT (RFC 8441 §4). */
  readonly protocol: string | undefined;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const AUTHORITY = /^[\x21-\x7e\x80-\xff]+$/;
/** RFC 9113 §8.3.1. nghttp2 checks the form only for http and https, and another one could name another host. */
const PATH = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;

/**
 * Converts a header section: name, value, name, value, …, with its pseudo-fields. Never throws: a request that is refused has an `error`.
 *
 * nghttp2 has checked most of this (RFC 9113 §8.2, §8.3). It is checked again, because a character that ends a line would become another
 * field or another request on the upstream's connection, and some versions of nghttp2 check less.
 */
export function toStreamHead(
  raw: readonly string[],
  content: StreamContent,
  maxBytes: number,
): StreamHead {
  const pseudo = readPseudo(raw);
  const rawFields = toRawFields(raw, pseudo);
  const isWebSocket = pseudo.method === "CONNECT" && pseudo.protocol === "websocket";
  const [target, form] =
    pseudo.path === "" ? [pseudo.authority ?? "", AUTHORITY] : [pseudo.path, PATH];
  const head: RequestHead = {
    method: TOKEN.test(pseudo.method) ? pseudo.method : "",
    target: form.test(target) ? target : "",
    httpVersion: "2",
    rawFields: rawFields ?? [],
  };
  const fault = findFault(head, rawFields ?? raw, maxBytes);
  if (rawFields === undefined || fault !== undefined)
    return { ...head, error: new ProxyError(fault ?? "http_request_error") };
  try {
    if (!isWebSocket) return { ...head, fields: readFields(rawFields, content) };
    const { key, fields } = toUpgradeRequest(rawFields);
    const request = { ...head, method: "GET", rawFields: fields };
    return { ...request, fields: readRequestFields(fields, "2"), webSocketKey: key };
  } catch (error) {
    return { ...head, error: error as ProxyError };
  }
}

/** `fields` are those that the upstream gets, or the client's if one of them is malformed. */
function findFault(
  { method, target }: RequestHead,
  fields: readonly string[],
  maxBytes: number,
): ErrorName | undefined {
  if (method === "" || target === "" || method === "PRI") return "http_request_error";
  if (method.length > MAX_METHOD_BYTES) return "method_too_long";
  const size = `${method} ${target} HTTP/1.1\r\n\r\n`.length;
  return size + toSize(fields) > maxBytes ? "request_header_section_size" : undefined;
}

/** The size of fields as lines of HTTP/1.1, so that `limits.headerBytes` means the same. Pseudo-fields do not count. */
function toSize(fields: readonly string[]): number {
  let size = 0;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!name.startsWith(":")) size += name.length + (fields[index + 1] ?? "").length + 4;
  }
  return size;
}

function readPseudo(raw: readonly string[]): Pseudo {
  const found = new Map<string, string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (name.startsWith(":")) found.set(name, raw[index + 1] ?? "");
  }
  return {
    method: found.get(":method") ?? "",
    authority: found.get(":authority"),
    path: found.get(":path") ?? "",
    protocol: found.get(":protocol"),
  };
}

/**
 * Returns the fields in their order: Host from `:authority` first (RFC 9113 §8.3.1), and the crumbs of a cookie joined where the first one
 * was (§8.2.3). Undefined if a field is malformed, belongs to a connection (§8.2.2), or names another host than `:authority`.
 */
function toRawFields(raw: readonly string[], { authority }: Pseudo): string[] | undefined {
  if (authority !== undefined && !VALUE.test(authority)) return undefined;
  const fields: string[] = authority === undefined ? [] : ["Host", authority];
  let cookieAt = -1;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const text = raw[index + 1] ?? "";
    // RFC 9113 §8.2.1 forbids blanks around a value. They have no meaning in HTTP/1.1, and some clients send them.
    const value = trim(text, 0, text.length);
    if (name.startsWith(":")) continue;
    if (!isAllowed(name, value)) return undefined;
    if (name === "host" && authority !== undefined) {
      if (value.toLowerCase() !== authority.toLowerCase()) return undefined;
    } else if (name === "cookie" && cookieAt !== -1) {
      fields[cookieAt] += `; ${value}`;
    } else {
      if (name === "cookie") cookieAt = fields.length + 1;
      fields.push(name, value);
    }
  }
  return fields;
}

function isAllowed(name: string, value: string): boolean {
  if (!NAME.test(name) || !VALUE.test(value)) return false;
  return !belongsToConnection(name, value);
}

function belongsToConnection(name: string, value: string): boolean {
  switch (kindOf(name)) {
    case "connection":
    case "keep-alive":
    case "hop":
    case "upgrade":
    case "coding":
      return true;
    case "te":
      return value.toLowerCase() !== "trailers";
    default:
      return name === "http2-settings";
  }
}

/** Content without a length is chunked for an upstream of HTTP/1.1. No field of HTTP/2 can say so. */
function readFields(rawFields: readonly string[], content: StreamContent): RequestFields {
  const isChunked = content === "follows" && !hasLength(rawFields);
  return readRequestFields(
    isChunked ? [...rawFields, "transfer-encoding", "chunked"] : rawFields,
    "2",
  );
}

function hasLength(rawFields: readonly string[]): boolean {
  return rawFields.some((text, index) => index % 2 === 0 && text === "content-length");
}
