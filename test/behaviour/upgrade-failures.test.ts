/** Upgrades that fail: no response to relay, or a side that disconnects at any moment. */

import assert from "node:assert/strict";
import test from "node:test";

import { findFreePort } from "../support/listen.ts";
import { fieldValues } from "../support/message.ts";
import {
  SWITCHED,
  UPGRADE,
  respondWith,
  readAll,
  startClient,
  startDoor,
  startRawUpstream,
} from "../support/upgrade.ts";
import { openWire } from "../support/wire.ts";

const STATUS = "HTTP/1.1 101 Switching Protocols\r\n";

const RESPONSES: readonly (readonly [what: string, answer: string, code: string])[] = [
  [
    "another protocol than the requested one",
    `${STATUS}Connection: Upgrade\r\nUpgrade: bar\r\n\r\nx`,
    "http_upgrade_failed",
  ],
  [
    "more protocols than requested",
    `${STATUS}Connection: Upgrade\r\nUpgrade: foo/2, bar\r\n\r\n`,
    "http_upgrade_failed",
  ],
  ["a 101 that names no protocol", `${STATUS}Connection: Upgrade\r\n\r\nx`, "http_upgrade_failed"],
  ["a 101 without Connection: Upgrade", `${STATUS}Upgrade: foo/2\r\n\r\nx`, "http_upgrade_failed"],
  ["a 101 of HTTP/1.0", SWITCHED.replace("1.1", "1.0"), "http_upgrade_failed"],
  ["a 101 of HTTP/2.0", SWITCHED.replace("1.1", "2.0"), "http_protocol_error"],
  ["garbage", "\u0000\u0001garbage\r\n\r\n", "http_protocol_error"],
  ["a field that is none", "HTTP/1.1 101 X\r\nA B: c\r\n\r\n", "http_protocol_error"],
  [
    "both framings",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "http_protocol_error",
  ],
  [
    "an endless header section",
    `${STATUS}X: ${"x".repeat(200_000)}`,
    "http_response_header_section_size",
  ],
  [
    "more than a hundred 1xx before the 101",
    "HTTP/1.1 102 x\r\n\r\n".repeat(101) + SWITCHED,
    "http_protocol_error",
  ],
];

for (const [what, answer, code] of RESPONSES) {
  test(`an upstream that responds with ${what} is a ${code}, and none of its bytes reach the client`, async (t) => {
    const upstream = await startRawUpstream(t, respondWith(answer));
    const door = await startDoor(t, upstream.url);
    const client = await openWire(t, door.port);
    client.write(UPGRADE);
    let response = await client.readResponse();
    while (response.status === 102) response = await client.readResponse();
    assert.equal(response.status, 502);
    assert.deepEqual(fieldValues(response, "proxy-status"), [`headgate; error=${code}`]);
    assert.equal(client.bytes.unread().length, 0);
    assert.equal((await door.ended())["error.type"], code);
    await readAll(upstream.sockets[0] ?? assert.fail());
    await door.untilNothingIsOpen();
  });
}

test("an upstream that closes or resets before its response is a connection_terminated", async (t) => {
  for (const leave of ["end", "resetAndDestroy"] as const) {
    for (const part of ["", "HTTP/1.1 1", SWITCHED.slice(0, -2)]) {
      const upstream = await startRawUpstream(
        t,
        respondWith(part, (socket) => void socket.write("", () => socket[leave]())),
      );
      const door = await startDoor(t, upstream.url);
      const client = await openWire(t, door.port);
      client.write(UPGRADE);
      assert.equal((await client.readResponse()).status, 502);
      assert.equal((await door.ended())["error.type"], "connection_terminated", `${leave} ${part}`);
      await door.untilNothingIsOpen();
    }
  }
});

test("no response to the upgrade in time is a http_response_timeout, and the upstream is freed", async (t) => {
  const upstream = await startRawUpstream(t, respondWith("HTTP/1.1 103 Early Hints\r\n\r\n"));
  const door = await startDoor(t, upstream.url, { yaml: "timeouts: { upgrade: 100ms }" });
  const client = await openWire(t, door.port);
  client.write(UPGRADE);
  let response = await client.readResponse();
  while (response.status === 103) response = await client.readResponse();
  assert.equal(response.status, 504);
  assert.equal((await door.ended())["error.type"], "http_response_timeout");
  await readAll(upstream.sockets[0] ?? assert.fail());
});

test("the time limit of the response does not apply to the tunnel", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const yaml = "timeouts: { upgrade: 100ms, tunnelIdle: 500ms }";
  const door = await startDoor(t, upstream.url, { yaml });
  const client = await startClient(t, door.port, UPGRADE);
  await readAll(client);
  const line = await door.ended();
  assert.equal(line["msg"], "tunnel");
  assert.ok(Number(line["duration_ms"]) >= 500);
});

test("a connection that is not established in time is a connection_timeout", async (t) => {
  // A TLS handshake without a response is a part of connecting.
  const upstream = await startRawUpstream(t, () => {});
  const options = { upstream: "connectTimeout: 100ms" };
  const door = await startDoor(t, `https://127.0.0.1:${upstream.port}`, options);
  const client = await openWire(t, door.port);
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 504);
  assert.equal((await door.ended())["error.type"], "connection_timeout");
  await door.untilNothingIsOpen();
});

test("no listener, no such socket file, no such name, no TLS: each has its code", async (t) => {
  const port = await findFreePort();
  const plain = await startRawUpstream(t, (socket) => socket.end("HTTP/1.1 400 x\r\n\r\n"));
  for (const [url, code] of [
    [`http://127.0.0.1:${port}`, "connection_refused"],
    ["unix:/nowhere/socket", "connection_refused"],
    ["http://nowhere.invalid", "dns_error"],
    [`https://127.0.0.1:${plain.port}`, "tls_protocol_error"],
  ] as const) {
    const door = await startDoor(t, url);
    const client = await openWire(t, door.port);
    client.write(UPGRADE);
    assert.equal((await client.readResponse()).status, 502);
    assert.equal((await door.ended())["error.type"], code);
    await door.untilNothingIsOpen();
  }
});

// Each side disconnects at each moment around a 101 and a refusal: one line in the log, and nothing left open.

const REFUSED = "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello";

// Each cut is a position where one side disconnects, counted in bytes that the upstream sends and in turns of the event loop: before the
// response, within its head, right after it, in its content, and each time one turn earlier or later on the other side.
for (const [what, answer] of [
  ["101", `${SWITCHED}hello`],
  ["refusal", REFUSED],
] as const) {
  for (const leaver of ["client", "upstream", "both"] as const) {
    for (const leave of ["destroy", "resetAndDestroy", "end"] as const) {
      test(`an upgrade settles once and frees both sockets: ${leaver}.${leave}() around a ${what}`, async (t) => {
        let bytes = 0;
        const upstream = await startRawUpstream(t, (socket, read) =>
          respondWith(answer.slice(0, bytes))(socket, read),
        );
        const yaml = "timeouts: { upgrade: 300ms, tunnelIdle: 100ms }";
        const door = await startDoor(t, upstream.url, {
          upstream: "keepAlive: 0s, idleTimeout: 300ms",
          yaml,
        });
        let exchanges = 0;
        for (bytes of [0, 9, answer.length - 5, answer.length - 2, answer.length]) {
          for (const turns of [0, 1, 2, 5]) {
            const seen = upstream.nextHead();
            const client = await startClient(t, door.port, `${UPGRADE}early`);
            client.once("end", () => client.end()).resume();
            await seen;
            for (let i = 0; i < turns; i++) await new Promise(setImmediate);
            const socket = upstream.sockets.at(-1) ?? assert.fail();
            socket.resume();
            if (leaver !== "upstream") client[leave]();
            if (leaver !== "client") socket[leave]();
            await door.ended();
            exchanges += 1;
            await Promise.all([readAll(client), readAll(socket)]);
            client.destroy();
            socket.destroy();
          }
        }
        await door.untilNothingIsOpen();
        const lines = door.lines.filter((line) => line["http.request.method"] !== undefined);
        assert.equal(lines.length, exchanges);
      });
    }
  }
}
