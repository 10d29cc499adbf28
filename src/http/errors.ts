/** What can go wrong in an exchange: the single table from any thrown value to an answer. */

/** Who has to act: the client sent it, the upstream caused it, or headgate itself is at fault. */
export type Fault = "client" | "upstream" | "headgate";

interface ErrorKind {
  readonly status: number;
  readonly fault: Fault;
  readonly title: string;
}

/** Codes are the error types of RFC 9209 §2.3 with the statuses recommended there; `client_gone` is ours (log only). */
const KINDS = {
  dns_error: { status: 502, fault: "upstream", title: "The upstream's name could not be resolved" },
  connection_refused: { status: 502, fault: "upstream", title: "The upstream refused the connection" },
  connection_timeout: { status: 504, fault: "upstream", title: "The upstream did not accept the connection in time" },
  connection_terminated: { status: 502, fault: "upstream", title: "The upstream closed the connection before an answer" },
  connection_limit_reached: { status: 503, fault: "headgate", title: "Too many requests are waiting for the upstream" },
  destination_ip_unroutable: { status: 502, fault: "upstream", title: "The upstream's address cannot be reached" },
  tls_protocol_error: { status: 502, fault: "upstream", title: "The TLS handshake with the upstream failed" },
  tls_certificate_error: { status: 502, fault: "upstream", title: "The upstream's certificate was not accepted" },
  http_protocol_error: { status: 502, fault: "upstream", title: "The upstream's answer is not valid HTTP" },
  http_response_header_section_size: { status: 502, fault: "upstream", title: "The upstream's header section is too large" },
  http_response_incomplete: { status: 502, fault: "upstream", title: "The upstream's answer ended early" },
  http_response_transfer_coding: { status: 502, fault: "upstream", title: "The upstream's answer has an unknown transfer coding" },
  http_response_timeout: { status: 504, fault: "upstream", title: "The upstream did not answer in time" },
  connection_read_timeout: { status: 504, fault: "upstream", title: "The upstream stopped sending" },
  connection_write_timeout: { status: 504, fault: "upstream", title: "The upstream stopped reading" },
  http_upgrade_failed: { status: 502, fault: "upstream", title: "The upstream did not complete the upgrade" },
  http_request_error: { status: 400, fault: "client", title: "The request is not valid HTTP" },
  proxy_internal_error: { status: 500, fault: "headgate", title: "headgate failed" },
  // Not an RFC 9209 type: nobody is left to read the answer. 499 is nginx's number for it, seen in logs and metrics only.
  client_gone: { status: 499, fault: "client", title: "The client left before the answer was complete" },
} as const satisfies Record<string, ErrorKind>;

/** An RFC 9209 §2.3 error type, or `client_gone`. */
export type ErrorCode = keyof typeof KINDS;

/** A failed exchange. `cause` is for the log; it never reaches the client, who would learn about the inside of the network. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fault: Fault;

  constructor(code: ErrorCode, options: { readonly cause?: unknown; readonly status?: number; readonly title?: string } = {}) {
    super(options.title ?? KINDS[code].title, { cause: options.cause });
    this.name = "ProxyError";
    this.code = code;
    this.status = options.status ?? KINDS[code].status;
    this.fault = KINDS[code].fault;
  }
}

// What node, undici and OpenSSL call a failure, in RFC 9209's words. Prefixes stand for families of codes.
const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ["ECONNREFUSED", "connection_refused"],
  ["ENOENT", "connection_refused"], // a unix socket that nobody made yet
  ["EACCES", "connection_refused"], // a unix socket that we may not open
  ["ENOTFOUND", "dns_error"],
  ["EAI_AGAIN", "dns_error"],
  ["ETIMEDOUT", "connection_timeout"],
  ["UND_ERR_CONNECT_TIMEOUT", "connection_timeout"],
  ["EHOSTUNREACH", "destination_ip_unroutable"],
  ["ENETUNREACH", "destination_ip_unroutable"],
  ["EADDRNOTAVAIL", "destination_ip_unroutable"],
  ["ECONNRESET", "connection_terminated"],
  ["EPIPE", "connection_terminated"],
  ["UND_ERR_SOCKET", "connection_terminated"],
  ["UND_ERR_HEADERS_OVERFLOW", "http_response_header_section_size"],
  ["HPE_HEADER_OVERFLOW", "http_response_header_section_size"],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "http_response_incomplete"],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "http_request_error"],
  ["UND_ERR_INVALID_ARG", "http_request_error"], // undici refuses to write what node's parser let in
  ["UND_ERR_NOT_SUPPORTED", "http_request_error"],
  ["EPROTO", "tls_protocol_error"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls_certificate_error"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_certificate_error"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls_certificate_error"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls_certificate_error"],
]);

const FAMILIES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^HPE_/, "http_protocol_error"],
  [/^ERR_INVALID_CHAR$|^ERR_INVALID_HTTP_TOKEN$|^ERR_HTTP_(?:INVALID|TRAILER)/, "http_protocol_error"], // an answer that node refuses to write
  [/^ERR_TLS_CERT|^CERT_|_CERT_/, "tls_certificate_error"],
  [/^ERR_(?:TLS|SSL)_/, "tls_protocol_error"],
];

/** Turns whatever was thrown into a ProxyError. Total: it never throws, and what it does not know is headgate's own fault (500). */
export function toProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  const code = codeOf(error);
  const known = CODES.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1];
  return new ProxyError(known ?? "proxy_internal_error", { cause: error });
}

function codeOf(error: unknown): string {
  try {
    if (typeof error !== "object" || error === null || !("code" in error)) return "";
    return typeof error.code === "string" ? error.code : "";
  } catch {
    return ""; // a getter that throws
  }
}
