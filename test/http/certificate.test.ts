import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import test from "node:test";

import {
  toClientCertificate,
  toForwardedClientCert,
  toHostNames,
} from "../../src/http/certificate.ts";

/** The texts that node:crypto gives for a certificate; the e2e of TLS has real ones. */
function toCertificate(subject: string, subjectAltName?: string): X509Certificate {
  return { subject, subjectAltName, fingerprint256: "AB:0C" } as unknown as X509Certificate;
}

function forwarded(subject: string, names?: string): string {
  return toForwardedClientCert(toClientCertificate(toCertificate(subject, names), true));
}

test("a certificate is forwarded as Envoy writes it", () => {
  assert.equal(
    forwarded(
      "C=DE\nO=Example\nCN=app",
      "DNS:app.test, URI:spiffe://x/app, IP Address:10.0.0.1, DNS:b",
    ),
    'Hash=ab0c;Subject="CN=app,O=Example,C=DE";URI=spiffe://x/app;DNS=app.test;DNS=b',
  );
});

test("no text of a certificate ends its value, its element or the line", () => {
  const names = 'URI:"spiffe://x/a,Hash=00;By=\\u0022y\\u0022", DNS:"b\\u000d\\u000aX-A: 1"';
  assert.equal(
    forwarded('CN=a",\\b\u0000\r', names),
    String.raw`Hash=ab0c;Subject="CN=a\",\\b%00%0D";URI="spiffe://x/a,Hash=00;By=\"y\"";DNS="b%0D%0AX-A: 1"`,
  );
});

test("a certificate's names are those that clients look at", () => {
  const certificate = toCertificate(
    "CN=ignored.test",
    "DNS:A.test, IP Address:10.0.0.1, URI:urn:x",
  );
  assert.deepEqual(toHostNames(certificate), ["a.test", "10.0.0.1"]);
  assert.deepEqual(toHostNames(toCertificate("CN=a.test")), []);
});
