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
  http_response_timeout: { status: 504, fault: "upstream", title: "The upstream did not answer in time" },
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
