import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import test from "node:test";
import {
  answerHead,
  readAll,
  startClient,
  startDoor,
  startRawUpstream,
  SWITCHED,
  toUpstream,
  UPGRADE,
} from "../support/upgrade.ts";

const STATUS = "HTTP/1.1 101 Switching Protocols\r\n";

const ANSWERS: readonly (readonly [what: string, answer: string, code: string])[] = [
  [
    "another protocol than the one asked for",
    `${STATUS}Connection: Upgrade\r\nUpgrade: bar\r\n\r\nx`,
    "http_upgrade_failed",
  ],
  [
    "more protocols than asked for",
    `${STATUS}Connection: Upgrade\r\nUpgrade: foo/2, bar\r\n\r\n`,
    "http_upgrade_failed",
  ],
  ["a 101 that names no protocol", `${STATUS}Connection: Upgrade\r\n\r\nx`, "http_upgrade_failed"],
  ["a 101 without Connection: Upgrade", `${STATUS}Upgrade: foo/2\r\n\r\nx`, "http_upgrade_failed"],
  ["garbage", "\u0000\u0001garbage\r\n\r\n", "http_protocol_error"],
  ["a field that is none", "HTTP/1.1 101 X\r\nA B: c\r\n\r\n", "http_protocol_error"],
  [
    "both framings",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "http_protocol_error",
  ],
  [
    "a header section without end",
    `${STATUS}X: ${"x".repeat(200_000)}`,
    "http_response_header_section_size",
  ],
];

for (const [what, answer, code] of ANSWERS) {
  test(`an upstream that answers with ${what} is a ${code}, and nothing of it reaches the client`, async (t) => {
    const upstream = await startRawUpstream(t, answerHead(answer));
    const door = await startDoor(t, upstream.config);
    const client = await startClient(t, door.port, UPGRADE);
    assert.match(
      await readAll(client),
      /^HTTP\/1.1 502 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/,
    );
    assert.equal((await door.ended()).error?.code, code);
    await readAll(upstream.sockets[0] ?? assert.fail());
    assert.equal(door.tunnels.count(), 0);
  });
}

test("an upstream that closes or resets before its answer is a connection_terminated", async (t) => {
  for (const leave of ["end", "resetAndDestroy"] as const) {
    for (const part of ["", "HTTP/1.1 1", SWITCHED.slice(0, -2)]) {
      const upstream = await startRawUpstream(
        t,
        answerHead(part, (socket) => void socket.write("", () => socket[leave]())),
      );
      const door = await startDoor(t, upstream.config);
      const client = await startClient(t, door.port, UPGRADE);
      assert.match(await readAll(client), /^HTTP\/1.1 502 /);
      assert.match(
        (await door.ended()).error?.code ?? "",
        /^(?:connection_terminated|http_protocol_error)$/,
      );
    }
  }
});

test("no answer to the upgrade in time is a http_response_timeout, and the upstream is freed", async (t) => {
  const upstream = await startRawUpstream(t, answerHead("HTTP/1.1 103 Early Hints\r\n\r\n"));
  const door = await startDoor(t, upstream.config, { upgradeMs: 100 });
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /HTTP\/1.1 504 /);
  assert.equal((await door.ended()).error?.code, "http_response_timeout");
  await readAll(upstream.sockets[0] ?? assert.fail());
});

test("the time for the answer is not the time of the tunnel", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const door = await startDoor(t, upstream.config, { upgradeMs: 50, idleMs: 300 });
  const client = await startClient(t, door.port, UPGRADE);
  await readAll(client);
  assert.equal((await door.ended()).end?.reason, "idle");
});

test("a connection that does not stand in time is a connection_timeout", async (t) => {
  // A TLS handshake that is never answered is a part of connecting.
  const upstream = await startRawUpstream(t, () => {});
  const config = toUpstream({ protocol: "https:", port: upstream.port }, { connectTimeout: 100 });
  const door = await startDoor(t, config);
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /HTTP\/1.1 504 /);
  assert.equal((await door.ended()).error?.code, "connection_timeout");
});

test("nobody listening, no such socket file, no such name, no TLS: each has its code", async (t) => {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  server.close();
  await once(server, "close");
  const plain = await startRawUpstream(t, (socket) => socket.end("HTTP/1.1 400 x\r\n\r\n"));
  for (const [url, code] of [
    [{ port }, "connection_refused"],
    [{ socketPath: "/nowhere/socket" }, "connection_refused"],
    [{ host: "nowhere.invalid" }, "dns_error"],
    [{ protocol: "https:", port: plain.port }, "tls_protocol_error"],
  ] as const) {
    const door = await startDoor(t, toUpstream(url));
    const client = await startClient(t, door.port, UPGRADE);
    assert.match(await readAll(client), /HTTP\/1.1 502 /);
    assert.equal((await door.ended()).error?.code, code);
  }
});

test("a target that Node will not send is an error of the request, not a crash", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const door = await startDoor(t, upstream.config, { target: "/a b\r\nX: y" });
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /HTTP\/1.1 400 /);
  assert.equal((await door.ended()).error?.code, "http_request_error");
  assert.equal(upstream.sockets.length, 0);
});

test("a TLS setting that is none is an error of headgate, not a crash", async (t) => {
  const tls = { ca: "x", cert: "y", key: "z", serverName: undefined, verify: true };
  const door = await startDoor(t, toUpstream({ protocol: "https:" }, { tls }));
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /HTTP\/1.1 500 /);
  assert.equal((await door.ended()).error?.code, "proxy_internal_error");
});
