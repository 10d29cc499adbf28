/** headgate's own response to a failed exchange. */

import type { ErrorCode, ProxyError } from "./errors.ts";
import type { LocalResponse } from "./local-response.ts";

/**
 * Returns a problem document (RFC 9457) with a Proxy-Status field (RFC 9209). `method` is the request's.
 *
 * The response has the type of the failure and the id of its log line, never the cause: addresses and internal messages would reveal the
 * network behind headgate.
 */
export function toProblem(error: ProxyError, requestId: string, method: string): LocalResponse {
  const problem = { status: error.status, title: error.message, error: error.code, requestId };
  const body = `${JSON.stringify(problem)}\n`; // ASCII, as titles and ids are
  const fields = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(body.length),
    "Proxy-Status",
    method === "HEAD" ? toHeadStatus(requestId, error.code) : `headgate; error=${error.code}`,
  ];
  if (error.status === 503) fields.push("Retry-After", "1");
  // After an invalid request, headgate and the client may disagree where the next request begins (RFC 9112 §11.2).
  const connection = error.fault === "client" ? "close" : "keep-alive";
  return { status: error.status, fields, body, connection };
}

/**
 * Returns the Proxy-Status of headgate's own response to a HEAD. Such a response has no content, so this field holds the id of the log
 * line (RFC 9209 §2.1.5); `curl -I` shows it. No id of `toRequestId` needs escapes.
 */
export function toHeadStatus(requestId: string, code?: ErrorCode): string {
  const error = code === undefined ? "" : ` error=${code};`;
  return `headgate;${error} details="request_id=${requestId}"`;
}
