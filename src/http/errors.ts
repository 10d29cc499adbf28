/** All errors of an exchange: one table of names, statuses and titles, and the conversion of any thrown value to one of them. */

/** The side at fault: the client, the upstream, or headgate itself. */
export type Fault = "client" | "upstream" | "headgate";

/** The types: those of RFC 9209 §2.3 with the statuses recommended there, and two of headgate's own. */
const TYPES = {
  dns_error: [502, "upstream", "The upstream's name could not be resolved"],
  dns_timeout: [504, "upstream", "The upstream's name was not resolved in time"],
  connection_refused: [502, "upstream", "The upstream refused the connection"],
  connection_timeout: [504, "upstream", "The upstream did not accept the connection in time"],
  connection_terminated: [502, "upstream", "The upstream closed the connection before a response"],
  connection_limit_reached: [503, "headgate", "Too many connections or waiting requests"],
  destination_ip_unroutable: [502, "upstream", "The upstream's address cannot be reached"],
  tls_protocol_error: [502, "upstream", "The TLS handshake with the upstream failed"],
  tls_alert_received: [502, "upstream", "The upstream refused the TLS connection"],
  tls_certificate_error: [502, "upstream", "The upstream's certificate was not accepted"],
  http_protocol_error: [502, "upstream", "The upstream's response is not valid HTTP"],
  http_response_header_section_size: [
    502,
    "upstream",
    "The upstream's header section is too large",
  ],
  http_response_incomplete: [502, "upstream", "The upstream's response ended early"],
  http_response_transfer_coding: [
    502,
    "upstream",
    "The upstream's response has an unknown transfer coding",
  ],
  http_response_timeout: [504, "upstream", "The upstream did not respond in time"],
  connection_read_timeout: [504, "upstream", "The upstream stopped sending"],
  connection_write_timeout: [504, "upstream", "The upstream stopped reading"],
  http_upgrade_failed: [502, "upstream", "The upstream did not complete the upgrade"],
  http_request_error: [400, "client", "The request is not valid HTTP"],
  http_request_denied: [403, "client", "The request is not allowed here"],
  // The operator has to change the configuration.
  proxy_loop_detected: [502, "headgate", "The upstream leads back to headgate"],
  proxy_internal_error: [500, "headgate", "headgate failed"],
  // headgate's own: no client reads it, because headgate cuts the connection.
  shutting_down: [503, "headgate", "headgate is shutting down"],
  // headgate's own: the client has left. 499 is nginx's number for it, for logs and metrics only.
  client_gone: [499, "client", "The client left before the response was complete"],
} as const satisfies Record<string, readonly [status: number, fault: Fault, title: string]>;

/** A type of RFC 9209 §2.3, `client_gone` or `shutting_down`. */
export type ErrorCode = keyof typeof TYPES;

/** Errors with a status or a title of their own. */
const VARIANTS = {
  method_too_long: ["http_request_error", 501, "The request's method is longer than 64 bytes"],
  version_not_supported: ["http_request_error", 505, "The request is not HTTP/1.1 or HTTP/1.0"],
  tls_required: [
    "http_request_error",
    400,
    "This port speaks HTTPS, and the request is plain HTTP",
  ],
  connect_not_served: ["http_request_error", 501, "CONNECT is not served here"],
  target_has_fragment: ["http_request_error", 400, "The request-target has a fragment"],
  target_asterisk: ["http_request_error", 400, "The request-target * is for OPTIONS only"],
  target_not_served: [
    "http_request_error",
    400,
    "The request-target is not one that this server serves",
  ],
  target_authority: ["http_request_error", 400, "The request-target's authority is not a host"],
  host_missing: ["http_request_error", 400, "The request has no Host field"],
  host_repeated: ["http_request_error", 400, "The request has more than one Host field"],
  host_invalid: ["http_request_error", 400, "The Host field is not a host"],
  framing_ambiguous: ["http_request_error", 400, "The request has more than one framing"],
  length_invalid: ["http_request_error", 400, "The request's Content-Length is not a length"],
  coding_in_http10: ["http_request_error", 400, "HTTP/1.0 has no Transfer-Encoding"],
  coding_empty: ["http_request_error", 400, "The request's Transfer-Encoding is empty"],
  coding_not_last: [
    "http_request_error",
    400,
    "The request's Transfer-Encoding is not chunked once and last",
  ],
  coding_unknown: [
    "http_request_error",
    501,
    "The request's Transfer-Encoding is not chunked alone",
  ],
  expectation_unknown: ["http_request_error", 417, "The request's expectation is not known here"],
  request_header_section_size: [
    "http_request_error",
    431,
    "The request's header section is too large",
  ],
  request_field_count: ["http_request_error", 431, "The request has too many fields"],
  request_chunk_extensions: [
    "http_request_error",
    413,
    "The request's chunk extensions are too large",
  ],
  request_trailers: ["http_request_error", 431, "The request's trailers are too large"],
  request_header_timeout: [
    "http_request_error",
    408,
    "The request's header section did not come in time",
  ],
  request_content_timeout: ["http_request_error", 408, "The client stopped sending"],
  head_over_limit: ["http_request_denied", 503, "The HEAD is over its route's limit"],
  too_many_clients: ["connection_limit_reached", 503, "Too many connections"],
  too_many_tunnels: ["connection_limit_reached", 503, "Too many tunnels"],
  tunnel_client_gone: ["client_gone", 499, "The client broke off the tunnel"],
  tunnel_upstream_gone: ["connection_terminated", 502, "The upstream broke off the tunnel"],
  response_unsolicited: [
    "http_protocol_error",
    502,
    "The upstream sent a response before it had a request",
  ],
  read_not_delivered: [
    "proxy_internal_error",
    502,
    "What the upstream sent was not delivered by the platform",
  ],
} as const satisfies Record<string, readonly [code: ErrorCode, status: number, title: string]>;

/** The name of an error: a type, or a variant of one. */
export type ErrorName = ErrorCode | keyof typeof VARIANTS;

/** A failed exchange. `cause` is for the log. It never reaches the client, because it would reveal the network behind headgate. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fault: Fault;

  constructor(name: ErrorName, { cause }: { readonly cause?: unknown } = {}) {
    const { code, status, title } = toRow(name);
    super(title, { cause });
    this.name = "ProxyError";
    this.code = code;
    this.status = status;
    this.fault = TYPES[code][1];
  }
}

function toRow(name: ErrorName): {
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
} {
  if (name in VARIANTS) {
    const [code, status, title] = VARIANTS[name as keyof typeof VARIANTS];
    return { code, status, title };
  }
  const [status, , title] = TYPES[name as ErrorCode];
  return { code: name as ErrorCode, status, title };
}

/** Codes of Node's sockets, resolver, TLS and HTTP parser that mean the same wherever they occur. */
const BY_CODE = new Map<string, ErrorCode>([
  ["ECONNREFUSED", "connection_refused"],
  // A unix socket that does not exist yet, or that headgate may not use. In both cases no connection is possible.
  ["ENOENT", "connection_refused"],
  ["EACCES", "connection_refused"],
  ["EPERM", "connection_refused"], // a firewall of this host
  ["ENOTFOUND", "dns_error"],
  // The limit of file descriptors, of this process or of the machine. It is temporary, so the response has a Retry-After.
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
  // Node's writers refuse characters of the client's request.
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

/** Converts any thrown value to a ProxyError, with the value as its cause. Never throws. */
export function toProxyError(error: unknown): ProxyError {
  try {
    if (error instanceof ProxyError) return error;
    // The thrown value may be anything, even undefined. Object() returns an object that has properties.
    const code: unknown = Reflect.get(Object(error), "code");
    const syscall: unknown = Reflect.get(Object(error), "syscall");
    return new ProxyError(toErrorCode(code, syscall), { cause: error });
  } catch {
    // A getter of the thrown object has thrown.
    return new ProxyError("proxy_internal_error", { cause: error });
  }
}

function toErrorCode(code: unknown, syscall: unknown): ErrorCode {
  if (typeof code !== "string") return "proxy_internal_error";
  // The kernel reports a silent peer by the same code before and after the connection is established. A failed attempt over several
  // addresses (an AggregateError) names no system call, and can only be a connect.
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
