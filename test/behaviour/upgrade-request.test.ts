import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import {
  answerHead,
  readAll,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  SWITCHED,
  toUpstream,
  UPGRADE,
} from "../support/upgrade.ts";

test("the request-target of an upgrade goes out byte for byte", async (t) => {
  for (const target of [
    "//a/../b/./%2e%2E?",
    "/{x}|`'\"?a=b?c&&",
    "/a\\b;c#d",
    "*",
    "/?",
    "/\u00e9",
  ]) {
    const upstream = await startRawUpstream(t, answerHead(SWITCHED));
    const door = await startDoor(t, upstream.config, { target });
    const seen = upstream.nextHead();
    await startClient(t, door.port, UPGRADE);
    assert.equal((await seen).split("\r\n")[0], `GET ${target} HTTP/1.1`);
  }
});

test("fields reach the upstream in order, case and number; Connection and Upgrade come last", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const door = await startDoor(t, upstream.config);
  const fields =
    "hOsT: a.example\r\nX-B: 1\r\nCookie: a=1\r\nx-b: 2\r\ncookie: b=2\r\nX-B: \u00e9\r\nAuthorization: z\r\n";
  const seen = upstream.nextHead();
  await startClient(
    t,
    door.port,
    `GET / HTTP/1.1\r\n${fields}Connection: keep-alive, upGrade\r\nUpgrade: WebSocket, h9\r\n\r\n`,
  );
  assert.equal(
    await seen,
    `GET / HTTP/1.1\r\n${fields}Connection: Upgrade\r\nUpgrade: WebSocket, h9\r\n\r\n`,
  );
});

test("fields about content, which an upgrade request has not got, are left out", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const door = await startDoor(t, upstream.config);
  const seen = upstream.nextHead();
  await startClient(
    t,
    door.port,
    UPGRADE.replace("Host", "Trailer: x\r\nExpect: 100-continue\r\nHost"),
  );
  assert.equal(await seen, UPGRADE);
});

test("1,500 fields reach the upstream, none is dropped in silence", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const fields = Array.from({ length: 3_000 }, (_, i) => (i % 2 === 0 ? "X" : String(i)));
  const door = await startDoor(t, upstream.config, { fields });
  const seen = upstream.nextHead();
  await startClient(t, door.port, UPGRADE);
  assert.equal((await seen).match(/^X: /gm)?.length, 1_500);
});

test("any method may ask for an upgrade, and none gets a body it did not have", async (t) => {
  for (const method of ["POST", "PUT", "OPTIONS", "HEAD", "DELETE", "M-SEARCH"]) {
    const upstream = await startRawUpstream(t, answerHead(SWITCHED));
    const door = await startDoor(t, upstream.config);
    const seen = upstream.nextHead();
    const client = await startClient(t, door.port, UPGRADE.replace("GET", method));
    assert.match(await seen, new RegExp(`^${method} /chat HTTP/1.1\r\n`));
    const head = await readHead(client);
    assert.match(head, /^HTTP\/1.1 101 /);
    const [socket] = upstream.sockets;
    assert.equal(socket?.bytesRead, Buffer.byteLength(await seen), method);
    assert.doesNotMatch(await seen, /transfer-encoding/i);
  }
});

test("an upgrade request that announces content is refused with 501 and reaches nobody", async (t) => {
  for (const framing of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
    const upstream = await startRawUpstream(t, answerHead(SWITCHED));
    const door = await startDoor(t, upstream.config);
    const client = await startClient(
      t,
      door.port,
      UPGRADE.replace("Host", `${framing}\r\nHost`).replace("GET", "POST") + "hello",
    );
    assert.match(await readAll(client), /^HTTP\/1.1 501 /);
    const { error } = await door.ended();
    assert.equal(error?.code, "http_request_error");
    assert.equal(upstream.sockets.length, 0);
  }
});

test("an upgrade goes to a unix socket", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "upgrade-"));
  t.after(() => rm(directory, { recursive: true }));
  const echo = answerHead(SWITCHED, (socket) => socket.pipe(socket));
  const upstream = await startRawUpstream(t, echo, join(directory, "s"));
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  client.end("hello");
  assert.equal(await readAll(client), "hello");
});

test("an upgrade goes over TLS with the configured name, authority and client certificate", async (t) => {
  const seen: unknown[] = [];
  const server = createTlsServer(
    { key: KEY, cert: CERTIFICATE, requestCert: true, ca: CERTIFICATE },
    (socket) => {
      seen.push(Reflect.get(socket, "servername"), socket.authorized);
      socket.on("error", () => {});
      answerHead(SWITCHED, (peer) => peer.pipe(peer))(socket, readHead(socket));
    },
  );
  server.listen(0);
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const tls = {
    ca: CERTIFICATE,
    cert: CERTIFICATE,
    key: KEY,
    serverName: "backend.test",
    verify: true,
  };
  const door = await startDoor(t, toUpstream({ protocol: "https:", port }, { tls }));
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  client.end("over TLS");
  assert.equal(await readAll(client), "over TLS");
  assert.deepEqual(seen, ["backend.test", true]);
  assert.deepEqual(await door.ended(), {
    end: {
      switched: true,
      reason: "closed",
      error: undefined,
      bytesFromClient: 8,
      bytesFromUpstream: 8,
    },
  });
});

test("a certificate nobody vouches for is refused, unless verify is off", async (t) => {
  const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, (socket) => {
    socket.on("error", () => {});
    answerHead(SWITCHED)(socket, readHead(socket));
  });
  server.listen(0);
  await once(server, "listening");
  t.after(() => server.close());
  const url = { protocol: "https:", port: (server.address() as AddressInfo).port } as const;
  const strict = await startDoor(t, toUpstream(url));
  await startClient(t, strict.port, UPGRADE);
  assert.equal((await strict.ended()).error?.code, "tls_certificate_error");
  const tls = {
    ca: undefined,
    cert: undefined,
    key: undefined,
    serverName: undefined,
    verify: false,
  };
  const lax = await startDoor(t, toUpstream(url, { tls }));
  const client = await startClient(t, lax.port, UPGRADE);
  assert.match(await readHead(client), /^HTTP\/1.1 101 /);
  client.destroy();
  await lax.ended();
});
