import assert from "node:assert/strict";
import test from "node:test";

import { type ErrorCode, ProxyError, toProxyError } from "../../src/http/errors.ts";

const KNOWN: Readonly<Partial<Record<ErrorCode, readonly string[]>>> = {
  connection_refused: ["ECONNREFUSED", "ENOENT", "EACCES", "EPERM"],
  dns_error: ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA"],
  connection_timeout: ["ETIMEDOUT"],
  connection_limit_reached: ["EMFILE", "ENFILE"],
  destination_ip_unroutable: [
    "EHOSTUNREACH",
    "ENETUNREACH",
    "EHOSTDOWN",
    "ENETDOWN",
    "EADDRNOTAVAIL",
  ],
  connection_terminated: ["ECONNRESET", "ECONNABORTED", "EPIPE"],
  http_response_header_section_size: ["HPE_HEADER_OVERFLOW"],
  http_protocol_error: ["HPE_INVALID_CONSTANT", "HPE_UNEXPECTED_CONTENT_LENGTH"],
  http_request_error: ["ERR_UNESCAPED_CHARACTERS", "ERR_INVALID_CHAR", "ERR_INVALID_HTTP_TOKEN"],
  tls_protocol_error: [
    "EPROTO",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "ERR_TLS_HANDSHAKE_TIMEOUT",
  ],
  // The codes of https://nodejs.org/api/tls.html#x509-certificate-error-codes, less OUT_OF_MEM.
  tls_certificate_error: [
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_CRL",
    "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
    "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
    "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
    "CERT_SIGNATURE_FAILURE",
    "CRL_SIGNATURE_FAILURE",
    "CERT_NOT_YET_VALID",
    "CERT_HAS_EXPIRED",
    "CRL_NOT_YET_VALID",
    "CRL_HAS_EXPIRED",
    "ERROR_IN_CERT_NOT_BEFORE_FIELD",
    "ERROR_IN_CRL_LAST_UPDATE_FIELD",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "CERT_CHAIN_TOO_LONG",
    "CERT_REVOKED",
    "INVALID_CA",
    "PATH_LENGTH_EXCEEDED",
    "INVALID_PURPOSE",
    "CERT_UNTRUSTED",
    "CERT_REJECTED",
    "HOSTNAME_MISMATCH",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ],
  proxy_internal_error: [
    "ERR_HTTP_HEADERS_SENT",
    "ERR_STREAM_DESTROYED",
    "ENOSPC",
    "",
    "__proto__",
    "constructor",
  ],
};

for (const [expected, codes] of Object.entries(KNOWN)) {
  for (const code of codes) {
    test(`${JSON.stringify(code)} is ${expected}`, () => {
      const cause = Object.assign(new Error("x"), { code });
      const error = toProxyError(cause);
      assert.equal(error.code, expected);
      assert.equal(error.cause, cause);
    });
  }
}

const STATUSES: readonly (readonly [ErrorCode, number, string])[] = [
  ["connection_refused", 502, "upstream"],
  ["connection_terminated", 502, "upstream"],
  ["http_protocol_error", 502, "upstream"],
  ["connection_timeout", 504, "upstream"],
  ["dns_timeout", 504, "upstream"],
  ["http_response_timeout", 504, "upstream"],
  ["connection_limit_reached", 503, "headgate"],
  ["http_request_error", 400, "client"],
  ["http_request_denied", 403, "client"],
  ["proxy_internal_error", 500, "headgate"],
  ["shutting_down", 503, "headgate"],
  ["proxy_loop_detected", 502, "headgate"],
];

for (const [code, status, fault] of STATUSES) {
  test(`${code} is sent as ${status} and is the ${fault}'s fault`, () => {
    const error = new ProxyError(code);
    assert.deepEqual([error.status, error.fault, error.name], [status, fault, "ProxyError"]);
    assert.notEqual(error.message, "");
  });
}

test("a variant has its own status and title, and the code and the fault of its type", () => {
  const error = new ProxyError("request_field_count");
  assert.deepEqual(
    [error.status, error.message, error.code, error.fault],
    [431, "The request has too many fields", "http_request_error", "client"],
  );
});

test("a ProxyError passes through unchanged", () => {
  const error = new ProxyError("dns_error");
  assert.equal(toProxyError(error), error);
});

// A Proxy that throws on instanceof broke the exchange, and so did a code that changed its type between two reads.
const trapped = new Proxy({}, { getPrototypeOf: () => { throw new Error("trap"); } }); // prettier-ignore
const revoked = Proxy.revocable({}, {});
revoked.revoke();
let reads = 0;
const fickle = {
  get code() {
    reads += 1;
    return reads % 2 === 1 ? "X" : Symbol("x");
  },
};
const throwing = {
  get code() {
    throw new Error("getter");
  },
};
const STRANGE: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  text: "ECONNREFUSED",
  number: 5,
  symbol: Symbol("x"),
  function: () => 0,
  "null-prototype": Object.create(null),
  "numeric code": { code: 5 },
  "throwing getter": throwing,
  "fickle getter": fickle,
  "throwing Proxy": trapped,
  "revoked Proxy": revoked.proxy,
};

for (const [what, thrown] of Object.entries(STRANGE)) {
  test(`a thrown ${what} is headgate's own fault`, () => {
    const error = toProxyError(thrown);
    assert.deepEqual([error.code, error.status], ["proxy_internal_error", 500]);
    assert.ok(Object.is(error.cause, thrown));
  });
}

test("a silent peer is a connect timeout, or a lost connection once it was connected", () => {
  const toCode = (syscall: string): ErrorCode => toProxyError({ code: "ETIMEDOUT", syscall }).code;
  assert.deepEqual(["connect", "read", "write"].map(toCode), [
    "connection_timeout",
    "connection_terminated",
    "connection_terminated",
  ]);
});
