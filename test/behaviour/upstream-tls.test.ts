// Symptom: a response without a length that was truncated by a FIN without close_notify reached the client with a last chunk, as if it were
// complete; `tls.serverName: 127.0.0.1` was ignored, and the certificate checked for the URL's host instead; a refused client certificate
// was `proxy_internal_error` or a plain end.
// Root cause: over a handle, Node reports both ends by one event; an address may not be sent as SNI, and Node then checks for the host that
// it connects to; alerts had no row in the table of errors.
// Fix: an end is a close_notify only if libuv still reads the connection; the certificate is checked for the configured name; an alert is
// `tls_alert_received`, and the log names what was refused and the side that refused it.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { MessageError, fieldValues } from "../support/message.ts";
import { startSidecar } from "../support/sidecar.ts";
import { makeCertificate, startTlsOrigin } from "../support/tls-origin.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

async function startBehindTls(t: TestContext, port: number, tls: string, expectsErrors?: true) {
  const yaml = `upstream: { url: "https://127.0.0.1:${port}", tls: { ${tls} } }\n`;
  const sidecar = await startSidecar(t, {
    yaml,
    ...(expectsErrors === undefined ? {} : { expectsErrors }),
  });
  const client = await openWire(t, sidecar.port);
  client.write(GET);
  const line = () => sidecar.line((each) => each["url.path"] === "/x");
  return { client, line };
}

test("a response without a length that ends in a FIN without close_notify is not complete", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  const port = await startTlsOrigin(t, certificate, ({ secure, raw }) => {
    secure.write("HTTP/1.1 200 OK\r\n\r\nhalf of it", () => raw.end());
  });
  const { client, line } = await startBehindTls(t, port, `ca: ${certificate.file}`);
  await assert.rejects(client.readResponse(), MessageError);
  assert.equal((await line())["error.type"], "http_response_incomplete");
});

test("a response without a length that ends in close_notify is complete, even together with its last bytes", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  const port = await startTlsOrigin(t, certificate, ({ secure }) => {
    secure.end("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  const { client } = await startBehindTls(t, port, `ca: ${certificate.file}`);
  assert.equal((await client.readResponse()).body.toString(), "all of it");
});

test("a response with a length is complete without close_notify", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  const port = await startTlsOrigin(t, certificate, ({ secure, raw }) => {
    secure.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it", () => raw.end());
  });
  const { client } = await startBehindTls(t, port, `ca: ${certificate.file}`);
  assert.equal((await client.readResponse()).body.toString(), "all of it");
});

test("a large response over TLS arrives completely, byte for byte", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251));
  const port = await startTlsOrigin(t, certificate, ({ secure }) => {
    secure.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    secure.write(body);
  });
  const { client } = await startBehindTls(t, port, `ca: ${certificate.file}`);
  assert.ok((await client.readResponse()).body.equals(body));
});

test("the certificate is checked for an address as serverName", async (t) => {
  const certificate = makeCertificate(t, "IP:192.0.2.7");
  const port = await startTlsOrigin(t, certificate, ({ secure }) => {
    secure.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const { file } = certificate;
  const right = await startBehindTls(t, port, `ca: ${file}, serverName: 192.0.2.7`);
  assert.equal((await right.client.readResponse()).status, 200);
  const wrong = await startBehindTls(t, port, `ca: ${file}, serverName: 127.0.0.1`);
  const response = await wrong.client.readResponse();
  assert.deepEqual(fieldValues(response, "proxy-status"), [
    "headgate; error=tls_certificate_error",
  ]);
});

test("a certificate that headgate refuses is named in the log, with its subject", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  const port = await startTlsOrigin(t, certificate, () => undefined);
  const { client, line } = await startBehindTls(t, port, "");
  assert.equal((await client.readResponse()).status, 502);
  const { msg, "error.type": type } = await line();
  assert.equal(type, "tls_certificate_error");
  assert.match(String(msg), new RegExp(`headgate refused the certificate of 127.0.0.1:${port}: `));
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`an upstream that requires a certificate of headgate's sends an alert (${maxVersion})`, async (t) => {
    const certificate = makeCertificate(t, "IP:127.0.0.1");
    const options = { ...certificate, ca: certificate.cert, maxVersion, requestCert: true };
    const port = await startTlsOrigin(t, options, () => undefined);
    const { client, line } = await startBehindTls(t, port, `ca: ${certificate.file}`);
    const response = await client.readResponse();
    assert.deepEqual(fieldValues(response, "proxy-status"), ["headgate; error=tls_alert_received"]);
    assert.match(
      String((await line())["msg"]),
      new RegExp(`127.0.0.1:${port} refused the connection by an alert: `),
    );
  });
}

test("an upstream that closes during the handshake is tls_protocol_error", async (t) => {
  const certificate = makeCertificate(t, "IP:127.0.0.1");
  // No protocol in common.
  const options = { ...certificate, maxVersion: "TLSv1.1", minVersion: "TLSv1" } as const;
  const port = await startTlsOrigin(t, options, () => undefined);
  const { client, line } = await startBehindTls(t, port, `ca: ${certificate.file}`);
  assert.equal((await client.readResponse()).status, 502);
  assert.match(String((await line())["error.type"]), /^tls_(?:alert_received|protocol_error)$/);
});
