/** Parses a request's header section strictly. */

import { ProxyError } from "../errors.ts";
import { SPACE, endOfTarget, endOfToken, isLineEnd, parseFieldLines } from "./grammar.ts";

/** The header section of a request. Texts are the received bytes as latin1. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Name, value, name, value, … */
  readonly rawFields: readonly string[];
}

/** The longest method. Any token is a method (RFC 9110 §9.1), but registered ones are far shorter, and a longer one is rarely HTTP. */
export const MAX_METHOD_BYTES = 64;
/** Reserved for the preface of HTTP/2 (RFC 9113 §3.4): an upstream with HTTP/2 could read the following bytes as frames. */
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
 * Checks the beginning of an incomplete request line. Throws a ProxyError (400, 501) if it is not a method. So a client of another
 * protocol is refused at once: the end of its header section would never come.
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
  // The length alone excludes most methods.
  if (method.length === 4) return method.toLowerCase() === "head";
  return method.length === 7 && method.toLowerCase() === "connect";
}

/**
 * Returns what can be read of a refused or incomplete header section, for its response and its log line: the method if a space follows,
 * and the target if the request line is complete. A target that is cut before its `@` could reveal a password.
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

/** Checks a field line with its CRLF. Throws a ProxyError (400) if it is malformed. */
export function checkFieldLine(line: string): void {
  if (parseFieldLines(line, 0) === undefined) throw new ProxyError("http_request_error");
}
