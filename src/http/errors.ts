/** What can go wrong in an exchange: the single table from any thrown value to an answer. */

/** Who has to act: the client sent it, the upstream caused it, or headgate itself is at fault. */
export type Fault = "client" | "upstream" | "headgate";

interface ErrorKind {
  readonly status: number;
  readonly fault: Fault;
  readonly title: string;
}

/** Codes are the error types of RFC 9209 §2.3 with the statuses recommended there; `client_gone` and `shutting_down` are ours (log only). */
const KINDS = {
  dns_error: { status: 502, fault: "upstream", title: "The upstream's name could not be resolved" },
  dns_timeout: {
    status: 504,
    fault: "upstream",
    title: "The upstream's name was not resolved in time",
  },
  connection_refused: {
    status: 502,
    fault: "upstream",
    title: "The upstream refused the connection",
  },
  connection_timeout: {
    status: 504,
    fault: "upstream",
    title: "The upstream did not accept the connection in time",
  },
  connection_terminated: {
    status: 502,
    fault: "upstream",
    title: "The upstream closed the connection before an answer",
  },
  connection_limit_reached: {
    status: 503,
    fault: "headgate",
    title: "Too many connections or waiting requests",
  },
  destination_ip_unroutable: {
    status: 502,
    fault: "upstream",
    title: "The upstream's address cannot be reached",
  },
  tls_protocol_error: {
    status: 502,
    fault: "upstream",
    title: "The TLS handshake with the upstream failed",
  },
  tls_alert_received: {
    status: 502,
    fault: "upstream",
    title: "The upstream refused the TLS connection",
  },
  tls_certificate_error: {
    status: 502,
    fault: "upstream",
    title: "The upstream's certificate was not accepted",
  },
  http_protocol_error: {
    status: 502,
    fault: "upstream",
    title: "The upstream's answer is not valid HTTP",
  },
  http_response_header_section_size: {
    status: 502,
    fault: "upstream",
    title: "The upstream's header section is too large",
  },
  http_response_incomplete: {
    status: 502,
    fault: "upstream",
    title: "The upstream's answer ended early",
  },
  http_response_transfer_coding: {
    status: 502,
    fault: "upstream",
    title: "The upstream's answer has an unknown transfer coding",
  },
  http_response_timeout: {
    status: 504,
    fault: "upstream",
    title: "The upstream did not answer in time",
  },
  connection_read_timeout: {
    status: 504,
    fault: "upstream",
    title: "The upstream stopped sending",
  },
  connection_write_timeout: {
    status: 504,
    fault: "upstream",
    title: "The upstream stopped reading",
  },
  http_upgrade_failed: {
    status: 502,
    fault: "upstream",
    title: "The upstream did not complete the upgrade",
  },
  http_request_error: { status: 400, fault: "client", title: "The request is not valid HTTP" },
  http_request_denied: {
    status: 403,
    fault: "client",
    title: "The request is not allowed here",
  },
  // Who has to act is who wrote the configuration.
  proxy_loop_detected: {
    status: 502,
    fault: "headgate",
    title: "The upstream leads back to headgate",
  },
  proxy_internal_error: { status: 500, fault: "headgate", title: "headgate failed" },
  // Not an RFC 9209 type, as no client reads it: headgate cuts the connection.
  shutting_down: { status: 503, fault: "headgate", title: "headgate is shutting down" },
  // Not an RFC 9209 type: nobody is left to read the answer. 499 is nginx's number for it, seen in logs and metrics only.
  client_gone: {
    status: 499,
    fault: "client",
    title: "The client left before the answer was complete",
  },
} as const satisfies Record<string, ErrorKind>;

/** An RFC 9209 §2.3 error type, `client_gone` or `shutting_down`. */
export type ErrorCode = keyof typeof KINDS;

/** A failed exchange. `cause` is for the log; it never reaches the client, who would learn about the inside of the network. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fault: Fault;

  constructor(
    code: ErrorCode,
    options: { readonly cause?: unknown; readonly status?: number; readonly title?: string } = {},
  ) {
    super(options.title ?? KINDS[code].title, { cause: options.cause });
    this.name = "ProxyError";
    this.code = code;
    this.status = options.status ?? KINDS[code].status;
    this.fault = KINDS[code].fault;
  }
}

/** Codes of Node's sockets, resolver, TLS and HTTP parser that say the same thing wherever they come from. */
const BY_CODE = new Map<string, ErrorCode>([
  ["ECONNREFUSED", "connection_refused"],
  // A unix socket: nobody has made it yet, or it is not ours to use. On the way to a peer both mean that nobody listens.
  ["ENOENT", "connection_refused"],
  ["EACCES", "connection_refused"],
  ["EPERM", "connection_refused"], // what a firewall of this host says
  ["ENOTFOUND", "dns_error"],
  // The limit of file descriptors, of this process or of the machine. It passes, so the answer says when to come again.
  ["EMFILE", "connection_limit_reached"],
  ["ENFILE", "connection_limit_reached"],
  ["EHOSTUNREACH", "destination_ip_unroutable"],
  ["ENETUNREACH", "destination_ip_unroutable"],
  ["EADDRNOTAVAIL", "destination_ip_unroutable"],
  ["EHOSTDOWN", "destination_ip_unroutable"],
  ["ENETDOWN", "destination_ip_unroutable"],
  // Node's "socket hang up" and "aborted" carry ECONNRESET as well.
  ["ECONNRESET", "connection_terminated"],
  ["ECONNABORTED", "connection_terminated"],
  ["EPIPE", "connection_terminated"],
  ["EPROTO", "tls_protocol_error"],
  ["HPE_HEADER_OVERFLOW", "http_response_header_section_size"],
  // Node's client, which asks for upgrades, refuses to write what came in.
  ["ERR_UNESCAPED_CHARACTERS", "http_request_error"],
  ["ERR_INVALID_CHAR", "http_request_error"],
  ["ERR_INVALID_HTTP_TOKEN", "http_request_error"],
]);

/** Families of codes, in order: OpenSSL's verification results (as Node names them) come before the rest of TLS. */
const BY_FAMILY: readonly (readonly [family: RegExp, code: ErrorCode])[] = [
  [/^EAI_/, "dns_error"],
  [/^HPE_/, "http_protocol_error"],
  [/^ERR_TLS_CERT|(?:^|_)(?:CERT|CRL)(?:_|$)|^UNABLE_TO_|^ERROR_IN_C/, "tls_certificate_error"],
  [/^HOSTNAME_MISMATCH$|^INVALID_(?:CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/, "tls_certificate_error"],
  [/^ERR_(?:TLS|SSL)_/, "tls_protocol_error"],
];

/** Any thrown value as a ProxyError, with the value as its cause. Total: whatever is thrown, this throws nothing. */
export function toProxyError(error: unknown): ProxyError {
  try {
    if (error instanceof ProxyError) return error;
    // What was thrown may be anything, also nothing at all: Object() makes something of it that has properties.
    const code: unknown = Reflect.get(Object(error), "code");
    const syscall: unknown = Reflect.get(Object(error), "syscall");
    return new ProxyError(toErrorCode(code, syscall), { cause: error });
  } catch {
    // An object whose getters throw in turn.
    return new ProxyError("proxy_internal_error", { cause: error });
  }
}

function toErrorCode(code: unknown, syscall: unknown): ErrorCode {
  if (typeof code !== "string") return "proxy_internal_error";
  // The kernel reports a silent peer alike before and after the connection stands. A failed attempt over several
  // addresses (an AggregateError) names no call, and can only have been a connect.
  if (code === "ETIMEDOUT")
    return syscall === "read" || syscall === "write"
      ? "connection_terminated"
      : "connection_timeout";
  return (
    BY_CODE.get(code) ??
    BY_FAMILY.find(([family]) => family.test(code))?.[1] ??
    "proxy_internal_error"
  );
}
