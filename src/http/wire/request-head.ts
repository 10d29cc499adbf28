/** A client's header section as text, read strictly. */

import { ProxyError } from "../errors.ts";
import { SPACE, endOfTarget, endOfToken, isLineEnd, parseFieldLines } from "./grammar.ts";

/** The header section of a request. Texts are the bytes that came, as latin1. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Name, value, name, value, … */
  readonly rawFields: readonly string[];
}

/** Any token is a method (RFC 9110 §9.1). Registered ones are far shorter; a longer token is mostly not HTTP at all. */
export const MAX_METHOD_BYTES = 64;
/** Reserved for the beginning of HTTP/2 (RFC 9113 §3.4): an upstream that speaks it could take what follows for frames. */
const PREFACE = "PRI";

const UNKNOWN: RequestHead = { method: "", target: "", httpVersion: "", rawFields: [] };

const VERSION = /^HTTP\/\d\.\d$/;
const VERSION_LENGTH = "HTTP/1.1".length;

/**
 * Reads a request line and the field lines behind it, each with its CRLF, without the empty line at the end (RFC 9112 §3).
 *
 * Throws a ProxyError: 400 for everything that is not HTTP/1's grammar and for PRI, 501 for a method that is too long, 505 for a
 * version that is neither 1.0 nor 1.1.
 */
export function parseRequestHead(text: string): RequestHead {
  const methodEnd = endOfToken(text, 0);
  const targetEnd = endOfTarget(text, methodEnd + 1);
  const versionEnd = targetEnd + 1 + VERSION_LENGTH;
  const version = text.slice(targetEnd + 1, versionEnd);
  if (methodEnd > MAX_METHOD_BYTES) throw new ProxyError("method_too_long");
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE)
    throw new ProxyError("http_request_error");
  if (targetEnd === methodEnd + 1 || text.charCodeAt(targetEnd) !== SPACE)
    throw new ProxyError("http_request_error");
  if (!isLineEnd(text, versionEnd)) throw new ProxyError("http_request_error");
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0")
    throw VERSION.test(version)
      ? new ProxyError("version_not_supported")
      : new ProxyError("http_request_error");
  const method = text.slice(0, methodEnd);
  const rawFields = parseFieldLines(text, versionEnd + 2);
  if (rawFields === undefined || method === PREFACE) throw new ProxyError("http_request_error");
  return {
    method,
    target: text.slice(methodEnd + 1, targetEnd),
    httpVersion: version === "HTTP/1.1" ? "1.1" : "1.0",
    rawFields,
  };
}

/**
 * Checks the beginning of a request line that is not whole. Throws a ProxyError (400, 501) if it is not a method. A client that
 * speaks another protocol is refused at once: the end of its header section would never come.
 */
export function checkMethod(beginning: string): void {
  const methodEnd = endOfToken(beginning, 0);
  const isMethod = methodEnd > 0 && beginning.charCodeAt(methodEnd) === SPACE;
  if (methodEnd > MAX_METHOD_BYTES) throw new ProxyError("method_too_long");
  if (methodEnd < beginning.length && !isMethod) throw new ProxyError("http_request_error");
}

/**
 * Whether a backend may read the method as HEAD or CONNECT, because some backends ignore its case. Then the response may lack the
 * content that it announces, and the connection cannot be used again (RFC 9112 §6.3).
 */
export function mayBeBodiless(method: string): boolean {
  // Most methods are ruled out by their length alone.
  if (method.length === 4) return method.toLowerCase() === "head";
  return method.length === 7 && method.toLowerCase() === "connect";
}

/**
 * Returns what can be read of a header section that is refused or not whole, for its response and its log line: the method if a space
 * follows, and the target if the whole request line is there. A target that is cut could show a password before its `@`.
 */
export function readBeginning(text: string): RequestHead {
  const methodEnd = endOfToken(text, 0);
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE) return UNKNOWN;
  const targetEnd = endOfTarget(text, methodEnd + 1);
  const versionEnd = targetEnd + 1 + VERSION_LENGTH;
  const isLine = VERSION.test(text.slice(targetEnd + 1, versionEnd)) && isLineEnd(text, versionEnd);
  const target = isLine ? text.slice(methodEnd + 1, targetEnd) : "";
  return { ...UNKNOWN, method: text.slice(0, methodEnd), target };
}

/** Checks a field line with its CRLF. Throws a ProxyError (400) where it is none. */
export function checkFieldLine(line: string): void {
  if (parseFieldLines(line, 0) === undefined) throw new ProxyError("http_request_error");
}
