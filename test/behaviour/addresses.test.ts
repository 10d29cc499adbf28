/** Addresses that headgate listens on and connects to: TCP over IPv4 and IPv6, unix sockets, TLS; and the Host that it sends. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, type Server, connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues, readBytes, readHead } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { makeCertificate } from "../support/tls-origin.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: client.test\r\n\r\n";
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === "::1");

test("unix sockets on both sides: GET, HEAD and an upload, and the client's Host", async (t) => {
  const folder = makeFolder(t);
  const place = join(folder, "listen.sock");
  const origin = await startOrigin(t, text("ok"), join(folder, "upstream.sock"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: `listen: unix:${place}` });
  const client = await openWire(t, place);
  for (const request of [
    GET,
    GET.replace("GET", "HEAD"),
    GET.replace("GET", "PUT").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"),
  ]) {
    client.write(request);
    assert.equal((await client.readResponse(request.split(" ")[0])).status, 200);
  }
  const methods = origin.arrivals.map(({ method }) => method);
  assert.deepEqual(methods, ["GET", "GET", "PUT"]);
  for (const arrival of origin.arrivals)
    assert.deepEqual(fieldValues(arrival, "host"), ["client.test"]);
  await sidecar.stop();
  assert.equal(existsSync(place), false, "the socket's file is gone when it has stopped");
});

test("a missing unix socket is 502, and the response does not show the path", async (t) => {
  const { port } = await startSidecar(t, { upstream: "unix:/nonexistent/secret.sock" });
  const client = await openWire(t, port);
  client.write(GET);
  const answer = await client.readResponse();
  assert.equal(answer.status, 502);
  assert.doesNotMatch(answer.body.toString() + answer.lines.join(), /secret/);
});

test("IPv6 on both sides", { skip: hasIpv6 ? false : "no IPv6 here" }, async (t) => {
  const upstream = createHttpServer((request, response) => response.end(request.headers.host));
  const upstreamPort = await listen(t, upstream, "::1");
  const sidecar = await startSidecar(t, {
    upstream: `http://[::1]:${upstreamPort}`,
    yaml: 'listen: "[::1]:0"',
  });
  const socket = connect({ host: "::1", port: sidecar.port });
  t.after(() => void socket.destroy());
  socket.write(GET);
  const bytes = readBytes(socket);
  assert.equal((await readHead(bytes)).start, "HTTP/1.1 200 OK");
  await bytes.take("client.test");
});

test("Host is the client's by default, and the upstream's own with host: upstream", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  for (const [host, expected] of [
    ["preserve", "client.test"],
    ["upstream", `127.0.0.1:${origin.port}`],
  ]) {
    const { port } = await startSidecar(t, {
      yaml: `upstream: { url: "${origin.url}", host: ${host} }`,
    });
    const client = await openWire(t, port);
    client.write(GET);
    await client.readResponse();
    const arrival = origin.arrivals.at(-1) ?? assert.fail();
    assert.deepEqual(fieldValues(arrival, "host"), [expected]);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-host"), ["client.test"]);
  }
});

test("headgate sends requests to an https upstream with a trusted certificate, with its name as SNI", async (t) => {
  const { cert, key, file } = makeCertificate(t, "DNS:backend.test");
  const names: unknown[] = [];
  const upstream = createHttpsServer({ cert, key }, (request, response) => {
    names.push(Reflect.get(request.socket, "servername"));
    response.end("ok");
  });
  const upstreamPort = await listen(t, upstream, "127.0.0.1");
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "https://127.0.0.1:${upstreamPort}", tls: { ca: "${file}", serverName: backend.test } }`,
  });
  const client = await openWire(t, port);
  for (const method of ["GET", "HEAD", "GET"]) {
    client.write(GET.replace("GET", method));
    assert.equal((await client.readResponse(method)).status, 200);
  }
  assert.deepEqual(names, ["backend.test", "backend.test", "backend.test"]);
});

test("an untrusted certificate, or one for another name, is 502 tls_certificate_error", async (t) => {
  const { cert, key, file } = makeCertificate(t, "DNS:backend.test");
  const upstream = createHttpsServer({ cert, key }, (_request, response) => response.end("secret"));
  const upstreamPort = await listen(t, upstream, "127.0.0.1");
  const url = `https://127.0.0.1:${upstreamPort}`;
  for (const tls of ["{}", `{ ca: "${file}", serverName: another.test }`]) {
    const { port } = await startSidecar(t, { yaml: `upstream: { url: "${url}", tls: ${tls} }` });
    const client = await openWire(t, port);
    client.write(GET);
    const answer = await client.readResponse();
    assert.equal(answer.status, 502);
    assert.deepEqual(fieldValues(answer, "proxy-status"), [
      "headgate; error=tls_certificate_error",
    ]);
  }
});

test("with verify: false any certificate is accepted", async (t) => {
  const { cert, key } = makeCertificate(t, "DNS:backend.test");
  const upstream = createHttpsServer({ cert, key }, (_request, response) => response.end("ok"));
  const upstreamPort = await listen(t, upstream, "127.0.0.1");
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "https://127.0.0.1:${upstreamPort}", tls: { verify: false } }`,
  });
  const client = await openWire(t, port);
  client.write(GET);
  assert.equal((await client.readResponse()).status, 200);
});

test("an https upstream that speaks plain HTTP is 502 tls_protocol_error", async (t) => {
  const upstream = createHttpServer((_request, response) => response.end("plain"));
  const upstreamPort = await listen(t, upstream, "127.0.0.1");
  const { port } = await startSidecar(t, { upstream: `https://127.0.0.1:${upstreamPort}` });
  const client = await openWire(t, port);
  client.write(GET);
  const answer = await client.readResponse();
  assert.equal(answer.status, 502);
  assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate; error=tls_protocol_error"]);
});

async function listen(t: TestContext, server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
