/** Clients that come with TLS, each on a real handshake. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test, { type TestContext } from "node:test";
import type { ConnectionOptions } from "node:tls";

import { type Authority, type Issued, type Wish, createAuthority } from "../support/authority.ts";
import { readClientHello } from "../support/client-hello.ts";
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

/** The key `certificates` with a certificate for each wish. */
function withCertificates(...wishes: readonly Wish[]): (authority: Authority) => string {
  return (authority) => {
    const list = wishes.map((wish) => {
      const { certFile, keyFile } = authority.issue(wish);
      return `{ cert: ${certFile}, key: ${keyFile} }`;
    });
    return `, certificates: [${list.join(", ")}]`;
  };
}

test("each name gets its certificate, in any letter case; an unknown name and no name get the first", async (t) => {
  const others = withCertificates({ names: "DNS:b.test" }, { names: "DNS:*.c.test" });
  const { authority, port } = await start(t, others);
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

// Symptom: with a certificate for a.test as `cert` and one for *.test in `certificates`, a client that asked for a.test got the one for *.test.
// Root cause: only the names of `certificates` were looked up, and a wildcard there fits every name. Fix: those of `cert` are looked up too.
test("a certificate for exactly the name is shown before one with a wildcard, also if it is the first", async (t) => {
  const others = withCertificates({ names: "DNS:*.test" }, { names: "DNS:b.test" });
  const { authority, port } = await start(t, others);
  const expected = { "a.test": "DNS:a.test", "b.test": "DNS:b.test", "c.test": "DNS:*.test" };
  for (const [servername, names] of Object.entries(expected)) {
    const checkServerIdentity = (): undefined => undefined; // Node accepts no wildcard for a whole top-level domain
    const options = { ca: authority.cert, servername, checkServerIdentity };
    const wire = await openTlsWire(t, port, options);
    assert.equal(wire.socket.getPeerX509Certificate()?.subjectAltName, names);
  }
});

// Symptom: with an ECDSA certificate first and an RSA certificate for b.test, clients that asked for b.test got the first one over TLS 1.3, and
// refused it. Over TLS 1.2 it was the other way round, if the first was RSA.
// Root cause: Node's SNICallback adds a certificate to the first one, and OpenSSL chooses among them by the type of the key (nodejs/node#54235).
// Fix: headgate reads the name in the ClientHello, and each certificate has its own server.
test("each name gets its certificate, whatever the types of their keys", async (t) => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const)
    for (const key of ["ec", "rsa"] as const) {
      const others = withCertificates(
        { names: "DNS:b.test", key: "rsa" },
        { names: "DNS:c.test", key },
      );
      const { authority, port } = await start(t, others);
      for (const servername of ["a.test", "b.test", "c.test"]) {
        const limits = { minVersion: version, maxVersion: version };
        const wire = await openTlsWire(t, port, { ca: authority.cert, servername, ...limits });
        assert.equal(wire.socket.getPeerX509Certificate()?.subjectAltName, `DNS:${servername}`);
      }
    }
});

test("a ClientHello that comes byte by byte gets the certificate of its name, and half of one fails with a log line", async (t) => {
  const others = withCertificates({ names: "DNS:b.test", key: "rsa" });
  const { authority, port, sidecar } = await start(t, others);
  const slow = await openWire(t, port);
  const hello = await readClientHello("b.test");
  for (const byte of hello) slow.socket.write(Buffer.of(byte));
  const [answer] = (await once(slow.socket, "data")) as [Buffer];
  assert.equal(answer[0], 0x16);
  const half = await openWire(t, port);
  half.socket.end(hello.subarray(0, 60));
  await half.closed;
  await sidecar.line(({ msg }) => /closed before HTTP began \(TLS\)/.test(String(msg)));
  const options = { ca: authority.cert, servername: "b.test" };
  assert.equal((await send(t, port, options, toRequest("HEAD /x"))).status, 200);
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
  // Symptom: a certificate of another authority was logged as "the client left". Root cause: with clientAuth: require, Node itself closes such
  // a connection, and says why on the TLS socket only. Fix: the reason is taken from there.
  const refused = "the client's certificate was not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  await sidecar.line(({ msg }) => String(msg).endsWith(refused));
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

// Symptom: testssl.sh reports that a client of TLS 1.2 may renegotiate, and RFC 9113 §9.2.1 forbids it for HTTP/2.
// Root cause: OpenSSL lets a client make a new handshake, also with another certificate, on a connection that is verified already.
// Fix: SSL_OP_NO_RENEGOTIATION.
test("a client of TLS 1.2 cannot renegotiate", async (t) => {
  const { authority, port } = await start(t);
  const { socket } = await openTlsWire(t, port, { ca: authority.cert, maxVersion: "TLSv1.2" });
  const failure = once(socket, "error");
  socket.renegotiate({}, (error) => void socket.destroy(error ?? new Error("renegotiated")));
  assert.match(String(await failure), /no renegotiation/);
});

test("a client that says nothing, or stops in its handshake, is closed after timeouts.header", async (t) => {
  const { port } = await start(t, undefined, "timeouts: { header: 300ms }\n");
  const silent = await openWire(t, port);
  const half = await openWire(t, port);
  half.write("\x16\x03\x01");
  await Promise.all([silent.closed, half.closed]);
});

// Symptom: a load balancer's health check that gave up in its handshake kept its connection for timeouts.header, and the log said that the
// handshake had taken too long.
// Root cause: the connection may be half-open, for HTTP. Node passes this on to its TLS socket, which then waits for the end of both sides.
// Fix: a connection may be half-open when its handshake is complete.
test("a client that ends its side in its handshake has left", async (t) => {
  const { port, sidecar } = await start(t, undefined, "timeouts: { header: 1h }\n");
  const half = await openWire(t, port);
  half.write("\x16\x03\x01");
  half.halfClose();
  await half.closed;
  await sidecar.line(({ msg }) => String(msg).endsWith("(TLS): the client left"));
});

// Symptom: a client's pool of connections reported "unexpected eof while reading" for each connection that timeouts.keepAlive ended.
// Root cause: headgate destroyed the socket, and only an orderly end sends TLS's close_notify (RFC 8446 §6.1).
// Fix: an idle connection ends like one whose last response is complete.
test("an idle connection ends with a close_notify", async (t) => {
  const { port } = await start(t, undefined, "timeouts: { keepAlive: 100ms }\n");
  const client = spawn("openssl", ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`]);
  t.after(() => void client.kill());
  let output = "";
  for (const stream of [client.stdout, client.stderr])
    stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  client.stdin.write(toRequest("GET /x"));
  await once(client, "close");
  assert.match(output, /200 OK/);
  assert.doesNotMatch(output, /unexpected eof/);
});

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
