/** The answer that headgate gives itself when an exchange fails. */

import type { ErrorCode, ProxyError } from "./errors.ts";

/** An answer of headgate's own. */
export interface LocalResponse {
  readonly status: number;
  readonly fields: readonly string[];
  /** One character per byte (latin1), so that what came in as bytes goes out as the same. */
  readonly body: string;
  /** Whether the connection ends with it. */
  readonly connection: "keep-alive" | "close";
}

/**
 * A problem document (RFC 9457) with a Proxy-Status field (RFC 9209).
 *
 * `method` is the request's. The response has the type of the failure and the id to look for in the log, never the cause: addresses and
 * internal messages would tell clients about the network behind headgate.
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
  // Whoever sent what could not be understood may mean the next bytes otherwise than we read them (RFC 9112 §11.2).
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
