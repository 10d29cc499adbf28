import assert from "node:assert/strict";
import test from "node:test";
import { type ErrorCode, ProxyError, toProxyError } from "../../src/http/errors.ts";

const CODES: readonly (readonly [code: string, expected: ErrorCode])[] = [
  ["ECONNREFUSED", "connection_refused"],
  ["ENOENT", "connection_refused"],
  ["EACCES", "connection_refused"],
  ["ENOTFOUND", "dns_error"],
  ["EAI_AGAIN", "dns_error"],
  ["ETIMEDOUT", "connection_timeout"],
  ["EHOSTUNREACH", "destination_ip_unroutable"],
  ["ENETUNREACH", "destination_ip_unroutable"],
  ["ECONNRESET", "connection_terminated"],
  ["EPIPE", "connection_terminated"],
  ["HPE_INVALID_CONSTANT", "http_protocol_error"],
  ["HPE_HEADER_OVERFLOW", "http_response_header_section_size"],
  ["CERT_HAS_EXPIRED", "tls_certificate_error"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_certificate_error"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls_certificate_error"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls_certificate_error"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls_certificate_error"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls_certificate_error"],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "tls_protocol_error"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_protocol_error"],
  ["EPROTO", "tls_protocol_error"],
  ["ERR_INVALID_CHAR", "http_request_error"],
  ["EMFILE", "proxy_internal_error"],
  ["constructor", "proxy_internal_error"],
  ["", "proxy_internal_error"],
];

test("each code of Node's sockets, resolver, TLS and parser has its error type", () => {
  for (const [code, expected] of CODES)
    assert.equal(toProxyError(Object.assign(new Error("x"), { code })).code, expected, code);
});

test("a silent peer is a timeout of connecting, or a lost connection once that stood", () => {
  const toCode = (syscall: string): ErrorCode => toProxyError({ code: "ETIMEDOUT", syscall }).code;
  assert.deepEqual(["connect", "read", "write"].map(toCode), [
    "connection_timeout",
    "connection_terminated",
    "connection_terminated",
  ]);
});

test("a ProxyError stays itself, anything else becomes the cause", () => {
  const error = new ProxyError("dns_error");
  assert.equal(toProxyError(error), error);
  const cause = new Error("x");
  assert.equal(toProxyError(cause).cause, cause);
});
