/** What a message gets that is refused before anybody made a request of it: why, and the answer as bytes. */

import { STATUS_CODES } from "node:http";

import { ProxyError } from "./errors.ts";
import type { LocalAnswer } from "./problem.ts";

/** An error of node's server, by its code, as what the client is told. */
export function toRefusal(error: Error & { readonly code?: string | undefined }): ProxyError {
  const refusal = (status: number, title: string): ProxyError =>
    new ProxyError("http_request_error", { status, title, cause: error });
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return refusal(431, "The request's header section is too large");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return refusal(413, "The request's chunk extensions are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return refusal(408, "The request's header section did not come in time");
    default:
      return refusal(400, "The request is not valid HTTP");
  }
}

/** An answer after which the connection closes, to be written as latin1. A HEAD's has no content (RFC 9110 §9.3.2). */
export function toLastAnswer(
  { status, fields, body }: LocalAnswer,
  { method, now }: { readonly method: string | undefined; readonly now: Date },
): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nDate: ${now.toUTCString()}\r\n`;
  for (let index = 0; index < fields.length; index += 2)
    head += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return method === "HEAD" ? `${head}\r\n` : `${head}\r\n${body}`;
}
