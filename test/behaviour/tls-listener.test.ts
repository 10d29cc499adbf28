/** Clients that come with TLS, each on a real handshake. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex } from "node:stream";
import test, { type TestContext } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";

import { type Authority, type Issued, createAuthority } from "../support/authority.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { getOnly, text } from "../support/responses.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openTlsWire, openWire } from "../support/wire.ts";

interface Stage {
  readonly authority: Authority;
  readonly port: number;
  readonly origin: Awaited<ReturnType<typeof startOrigin>>;
  readonly sidecar: Awaited<ReturnType<typeof startSidecar>>;
  readonly server: Issued;
}

/** Starts headgate with a certificate for a.test. `more` are further lines of `tls`, and `yaml` further lines of the file. */
async function start(
  t: TestContext,
  more: (authority: Authority) => string = () => "",
  yaml = "",
): Promise<Stage> {
  const authority = createAuthority(t);
  const server = authority.issue({ names: "DNS:a.test" });
  const origin = await startOrigin(t, getOnly(text("hello")));
  const files = `cert: ${server.certFile}, key: ${server.keyFile}`;
  const tls = `tls: { ${files}${more(authority)} }`;
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: `listen: { address: "127.0.0.1:0", ${tls} }\n${yaml}`,
  });
  return { authority, port: sidecar.port, origin, sidecar, server };
}

function send(t: TestContext, port: number, options: ConnectionOptions, request: string) {
  return openTlsWire(t, port, options).then((wire) => {
    wire.write(request);
    return wire.readResponse(request.split(" ", 1)[0]);
  });
}

test("a HEAD over TLS is converted, and the upstream learns that the client came by https", async (t) => {
  const { authority, port, origin } = await start(t);
  const wire = await openTlsWire(t, port, { ca: authority.cert });
  for (let round = 0; round < 2; round += 1) {
    wire.write(toRequest("HEAD /x"));
    const response = await wire.readResponse("HEAD");
    assert.deepEqual([response.status, fieldValues(response, "content-length")], [200, ["5"]]);
  }
  const [first] = origin.arrivals;
  assert.ok(first !== undefined);
  assert.equal(first.method, "GET");
  assert.deepEqual(fieldValues(first, "x-forwarded-proto"), ["https"]);
});

test("plain HTTP on the TLS port gets 400 with a sentence, and other bytes get nothing", async (t) => {
  const { port, sidecar } = await start(t);
  const plain = await openWire(t, port);
  plain.write(toRequest("GET /x"));
  const response = await plain.readResponse();
  assert.equal(response.status, 400);
  assert.match(response.body.toString(), /This port speaks HTTPS/);
  assert.equal((await sidecar.line((line) => line["url.path"] === "/x"))["level"], "info");
  const junk = await openWire(t, port);
  junk.write("\x00\x01\x02");
  await junk.closed;
});

test("each name gets its certificate, in any letter case; an unknown name and no name get the first", async (t) => {
  const others: Issued[] = [];
  const { authority, port } = await start(t, (from) => {
    others.push(from.issue({ names: "DNS:b.test" }), from.issue({ names: "DNS:*.c.test" }));
    const list = others.map(({ certFile, keyFile }) => `{ cert: ${certFile}, key: ${keyFile} }`);
    return `, certificates: [${list.join(", ")}]`;
  });
  const shown = async (servername: string): Promise<string | undefined> => {
    const wire = await openTlsWire(t, port, {
      ca: authority.cert,
      servername,
      checkServerIdentity: () => undefined,
    });
    return wire.socket.getPeerX509Certificate()?.subjectAltName;
  };
  assert.equal(await shown("b.test"), "DNS:b.test");
  assert.equal(await shown("B.Test"), "DNS:b.test");
  assert.equal(await shown("x.c.test"), "DNS:*.c.test");
  assert.equal(await shown("x.y.c.test"), "DNS:a.test");
  assert.equal(await shown("other.test"), "DNS:a.test");
  assert.equal(await shown(""), "DNS:a.test");
});

const MUTUAL = ({ certFile }: Authority): string => `, clientCA: ${certFile}`;

test("with clientCA, only clients with a certificate of it are served, and the log says who they are", async (t) => {
  const { authority, port, origin, sidecar } = await start(t, MUTUAL);
  const client = authority.issue({
    names: "DNS:app.test,URI:spiffe://x/app",
    subject: "/O=Ex, Inc/CN=app",
  });
  const stranger = createAuthority(t).issue({ names: "DNS:app.test" });
  const own = { ca: authority.cert, cert: client.cert, key: client.key };
  assert.equal((await send(t, port, own, toRequest("GET /x"))).status, 200);
  const line = await sidecar.line((one) => one["url.path"] === "/x");
  assert.equal(line["tls.client.subject"], "CN=app,O=Ex\\, Inc");
  assert.equal(line["tls.client.san"], "app.test spiffe://x/app");
  assert.match(String(line["tls.client.hash.sha256"]), /^[0-9a-f]{64}$/);
  await assert.rejects(send(t, port, { ca: authority.cert }, toRequest("GET /none")));
  const foreign = { ca: authority.cert, cert: stranger.cert, key: stranger.key };
  await assert.rejects(send(t, port, foreign, toRequest("GET /foreign")));
  assert.deepEqual(
    origin.arrivals.map(({ target }) => target),
    ["/x"],
    "nothing of the others reached the upstream",
  );
  assert.deepEqual(fieldValues(origin.arrivals[0] ?? assert.fail(), "x-forwarded-client-cert"), []);
});

test("with clientAuth: request a client may come without a certificate, and not with a wrong one", async (t) => {
  const { authority, port } = await start(t, (from) => `${MUTUAL(from)}, clientAuth: request`);
  const stranger = createAuthority(t).issue({ names: "DNS:app.test" });
  assert.equal((await send(t, port, { ca: authority.cert }, toRequest("GET /x"))).status, 200);
  const foreign = { ca: authority.cert, cert: stranger.cert, key: stranger.key };
  await assert.rejects(send(t, port, foreign, toRequest("GET /x")));
});

for (const trust of ["", "forwarded: { trust: [] }\n"]) {
  const isTrusted = trust === "";
  test(`with forwardClientCert the upstream receives the client's certificate; an incoming one ${isTrusted ? "of a trusted peer stays before it" : "of another peer is dropped"}`, async (t) => {
    const more = (from: Authority): string => `${MUTUAL(from)}, forwardClientCert: true`;
    const { authority, port, origin } = await start(t, more, trust);
    const client = authority.issue({
      names: "DNS:app.test,URI:spiffe://x/app",
      subject: "/O=Ex/CN=a",
    });
    const own = { ca: authority.cert, cert: client.cert, key: client.key };
    const forged = ["X-Forwarded-Client-Cert: Hash=00"];
    assert.equal((await send(t, port, own, toRequest("HEAD /x", forged))).status, 200);
    const [field = "", ...more2] = fieldValues(
      origin.arrivals[0] ?? assert.fail(),
      "x-forwarded-client-cert",
    );
    assert.match(
      field.replace(/^Hash=00,/, isTrusted ? "" : "kept "),
      /^Hash=[0-9a-f]{64};Subject="CN=a,O=Ex";URI=spiffe:\/\/x\/app;DNS=app\.test$/,
    );
    assert.equal(field.startsWith("Hash=00,"), isTrusted);
    assert.deepEqual(more2, []);
  });
}

test("minVersion refuses older clients", async (t) => {
  const { authority, port } = await start(t, () => ', minVersion: "1.3"');
  const old = { ca: authority.cert, maxVersion: "TLSv1.2" } as const;
  await assert.rejects(openTlsWire(t, port, old), /protocol version/);
  await openTlsWire(t, port, { ca: authority.cert });
});

test("a client that says nothing, or stops in its handshake, is closed after timeouts.header", async (t) => {
  const { port } = await start(t, undefined, "timeouts: { header: 300ms }\n");
  const silent = await openWire(t, port);
  const half = await openWire(t, port);
  half.write("\x16\x03\x01");
  await Promise.all([silent.closed, half.closed]);
});

/**
 * Symptom: a client that closed its side within the handshake kept its connection until timeouts.header. Root cause: sockets are half-open,
 * and nothing looked at the end of a TLS socket before its handshake was complete. Fix: until then it is not half-open.
 */
test("a client that closes its side within its handshake has left", async (t) => {
  const { port } = await start(t, undefined, "timeouts: { header: 5m }\n");
  const wire = await openWire(t, port);
  wire.write(await captureClientHello());
  await wire.bytes.take(1);
  wire.halfClose();
  await wire.closed;
});

function captureClientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read: () => undefined, write: (bytes: Buffer) => resolve(bytes) });
    connect({ socket });
  });
}

test("a response that ends with its connection and is cut short looks incomplete over TLS", async (t) => {
  const authority = createAuthority(t);
  const server = authority.issue({ names: "DNS:a.test" });
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    request.end();
  });
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: `listen: { address: "127.0.0.1:0", tls: { cert: ${server.certFile}, key: ${server.keyFile} } }`,
  });
  const wire = await openTlsWire(t, port, { ca: authority.cert });
  wire.write("GET /x HTTP/1.0\r\nHost: a\r\n\r\n");
  const ended = once(wire.socket, "close");
  await assert.rejects(wire.readResponse());
  await ended;
});

test("one process listens with and without TLS", async (t) => {
  const authority = createAuthority(t);
  const server = authority.issue({ names: "DNS:a.test" });
  const origin = await startOrigin(t, text("x"));
  const { port, app, config } = await startSidecar(t, {
    upstream: origin.url,
    yaml: `listen:\n  - 127.0.0.1:0\n  - { address: "127.0.0.1:0", tls: { cert: ${server.certFile}, key: ${server.keyFile} } }`,
  });
  assert.equal(config.listen.length, 2);
  assert.equal(typeof app.reload, "function");
  const wire = await openWire(t, port);
  wire.write(toRequest("GET /x"));
  assert.equal((await wire.readResponse()).status, 200);
});
