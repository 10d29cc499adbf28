/** What the upstream gets of a request for an upgrade, and which upstream gets it. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { type TlsOptions, createServer as createTlsServer } from "node:tls";

import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { listenOn } from "../support/listen.ts";
import { sendRequest } from "../support/request.ts";
import {
  SWITCHED,
  UPGRADE,
  respondWith,
  readAll,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
} from "../support/upgrade.ts";

test("the request-target of an upgrade is sent byte for byte", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  for (const target of ["//a/../b/./%2e%2E?", "/{x}|`'\"?a=b?c&&", "/a\\b;c", "/?"]) {
    const seen = upstream.nextHead();
    await startClient(
      t,
      door.port,
      UPGRADE.replace("/chat", () => target),
    );
    assert.equal((await seen).split("\r\n")[0], `GET ${target} HTTP/1.1`);
  }
});

// Symptom: `Connection: upgrade` became `Connection: Upgrade`. Root cause: the field was written anew from a constant. Fix: the option
// keeps its case; the options of this hop alone are removed.
test("fields reach the upstream in order, case and number; Connection's upgrade option and Upgrade come last", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
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
    `GET / HTTP/1.1\r\n${fields}Connection: upGrade\r\nUpgrade: WebSocket, h9\r\n\r\n`,
  );
});

test("Connection and Upgrade over several lines are sent as one line each, without the options of this hop", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  for (const [came, sent] of [
    ["Connection: upgrade", "Connection: upgrade\r\nUpgrade: foo/2"],
    ["connection: UPGRADE ,x-hop\r\nX-Hop: 1", "Connection: UPGRADE\r\nUpgrade: foo/2"],
    [
      "Connection: close\r\nConnection: x-upgrade,\tupgrade, ,",
      "Connection: upgrade\r\nUpgrade: foo/2",
    ],
    [
      "Connection: Upgrade\r\nUpgrade: bar,  baz",
      "Connection: Upgrade\r\nUpgrade: bar,  baz, foo/2",
    ],
  ] as const) {
    const seen = upstream.nextHead();
    const client = await startClient(t, door.port, UPGRADE.replace("Connection: Upgrade", came));
    assert.equal(await seen, `GET /chat HTTP/1.1\r\nHost: a.example\r\n${sent}\r\n\r\n`);
    assert.equal(await readHead(client), SWITCHED);
  }
});

test("fields about content, which an upgrade request does not have, are removed", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  const seen = upstream.nextHead();
  const lines = "Trailer: x\r\nExpect: 100-continue\r\nHost";
  await startClient(t, door.port, UPGRADE.replace("Host", lines));
  assert.equal(await seen, UPGRADE);
});

test("1,500 fields reach the upstream, none is dropped silently", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const yaml = "limits: { headerCount: 2000, headerBytes: 32KiB }";
  const door = await startDoor(t, upstream.url, { yaml });
  const seen = upstream.nextHead();
  const fields = Array.from({ length: 1_500 }, (_, index) => `X: ${index}\r\n`).join("");
  await startClient(t, door.port, UPGRADE.replace("Connection", `${fields}Connection`));
  assert.equal((await seen).match(/^X: /gm)?.length, 1_500);
});

test("any method but HEAD may request an upgrade, and none gets a body that it did not have", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  for (const method of ["POST", "PUT", "OPTIONS", "DELETE", "M-SEARCH"]) {
    const seen = upstream.nextHead();
    const client = await startClient(t, door.port, UPGRADE.replace("GET", method));
    assert.equal(await seen, UPGRADE.replace("GET", method));
    assert.equal(await readHead(client), SWITCHED);
    assert.equal(upstream.sockets.at(-1)?.bytesRead, UPGRADE.length + method.length - 3);
  }
});

// Symptom: OPTIONS and TRACE with an upgrade were forwarded with an unchanged Max-Forwards, even 0, and so was OPTIONS * (RFC 9110 §7.6.2:
// MUST NOT). Root cause: upgrades had a handler of their own, without the rules for requests to this hop. Fix: one handler; a request that
// it does not respond to itself may become an upgrade.
test("Max-Forwards counts beside an Upgrade field: at 0 headgate responds itself, else it is one less", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  for (const [start, left, status] of [
    ["OPTIONS /x", 0, 204],
    ["TRACE /x", 0, 200],
    ["OPTIONS *", 3, 204],
  ] as const) {
    const bytes = UPGRADE.replace("GET /chat", start).replace(
      "Host",
      `Max-Forwards: ${left}\r\nHost`,
    );
    assert.equal((await sendRequest(t, door.port, bytes)).status, status);
  }
  assert.equal(upstream.sockets.length, 0);
  for (const method of ["OPTIONS", "TRACE"]) {
    const seen = upstream.nextHead();
    const request = UPGRADE.replace("GET", method);
    const client = await startClient(
      t,
      door.port,
      request.replace("Host", "max-forwards: 3\r\nHost"),
    );
    assert.equal(await seen, request.replace("Host", "max-forwards: 2\r\nHost"));
    assert.equal(await readHead(client), SWITCHED);
  }
});

test("an upgrade is sent to a unix socket", async (t) => {
  const echo = respondWith(SWITCHED, (socket) => socket.pipe(socket));
  const upstream = await startRawUpstream(t, echo, join(makeFolder(t), "s"));
  const door = await startDoor(t, upstream.url);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  client.end("hello");
  assert.equal(await readAll(client), "hello");
  assert.equal((await door.ended())["msg"], "tunnel");
  await door.untilNothingIsOpen();
});

test("an upgrade is sent over TLS with the configured name, authority and client certificate", async (t) => {
  const seen: unknown[] = [];
  const folder = makeFolder(t);
  writeFileSync(join(folder, "certificate.pem"), CERTIFICATE);
  writeFileSync(join(folder, "key.pem"), KEY);
  const port = await startTlsEcho(t, { requestCert: true, ca: CERTIFICATE }, seen);
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  const door = await startDoor(t, `https://127.0.0.1:${port}`, {
    upstream: `tls: { ca: "${certificate}", cert: "${certificate}", key: "${key}", serverName: backend.test }`,
  });
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  client.end("over TLS");
  assert.equal(await readAll(client), "over TLS");
  assert.deepEqual(seen, ["backend.test", true]);
  const line = await door.ended();
  assert.deepEqual([line["msg"], line["error.type"]], ["tunnel", undefined]);
  await door.untilNothingIsOpen();
});

test("a certificate without a trusted authority is refused, unless verify is off", async (t) => {
  const port = await startTlsEcho(t, {}, []);
  const strict = await startDoor(t, `https://127.0.0.1:${port}`);
  assert.equal((await sendRequest(t, strict.port, UPGRADE)).status, 502);
  assert.equal((await strict.ended())["error.type"], "tls_certificate_error");
  const options = { upstream: "tls: { verify: false }" };
  const lax = await startDoor(t, `https://127.0.0.1:${port}`, options);
  const client = await startClient(t, lax.port, UPGRADE);
  assert.equal(await readHead(client), SWITCHED);
});

async function startTlsEcho(t: TestContext, options: TlsOptions, seen: unknown[]): Promise<number> {
  const server = createTlsServer(
    { key: KEY, cert: CERTIFICATE, allowHalfOpen: true, ...options } as TlsOptions,
    (socket) => {
      seen.push(Reflect.get(socket, "servername"), socket.authorized);
      socket.on("error", () => {});
      respondWith(SWITCHED, (peer) => peer.pipe(peer))(socket, readHead(socket));
    },
  );
  return listenOn(t, server);
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "upgrade-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
