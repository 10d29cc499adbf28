import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import {
  answerHead,
  readAll,
  readBytes,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  SWITCHED,
  toUpstream,
  UPGRADE,
} from "../support/upgrade.ts";

const STATUS = "HTTP/1.1 101 Switching Protocols\r\n";

test("the 101 comes back with its reason and its fields in order, case and number", async (t) => {
  const head =
    "HTTP/1.1 101 Off We Go\r\nsEt-Cookie: a\r\nX-A: 1\r\nSet-Cookie: b\r\nuPgrade: foo/2\r\n42: x\r\nx-a: \u00e9\r\n" +
    "Set-Cookie: c\r\nConnection: Upgrade\r\n\r\n";
  const upstream = await startRawUpstream(t, answerHead(head));
  const switched: unknown[] = [];
  const door = await startDoor(t, upstream.config, {
    onSwitched: (answer) => switched.push(answer.status),
  });
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(await readHead(client), head);
  assert.deepEqual(switched, [101]);
});

test("1,500 fields of a 101 reach the client, none is dropped in silence", async (t) => {
  const fields = "X: 1\r\n".repeat(1_500);
  const upstream = await startRawUpstream(t, answerHead(SWITCHED.replace("Conn", `${fields}Conn`)));
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal((await readHead(client)).match(/^X: 1\r$/gm)?.length, 1_500);
});

test("hop-by-hop fields of a 101 stay behind, Upgrade and Connection: Upgrade pass", async (t) => {
  const fields =
    "Upgrade: foo/2\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nContent-Length: 7\r\nX-Kept: 1\r\nConnection: upgrade, x-hop\r\n";
  const upstream = await startRawUpstream(t, answerHead(`${STATUS}${fields}\r\n`));
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(
    await readHead(client),
    `${STATUS}Upgrade: foo/2\r\nX-Kept: 1\r\nConnection: Upgrade\r\n\r\n`,
  );
});

test("what the upstream says right behind its 101 reaches the client right behind it", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead(`${SWITCHED}hello`, (socket) => socket.end(", world")),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  assert.equal(await readAll(client), "hello, world");
  client.end();
  assert.equal((await door.ended()).end?.bytesFromUpstream, 12);
});

test("other 1xx reach the client before the 101, without their hop-by-hop fields", async (t) => {
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n";
  const upstream = await startRawUpstream(
    t,
    answerHead(`${hints}Connection: x\r\nx: 1\r\n\r\n${SWITCHED}`),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(await readHead(client), `${hints}\r\n`);
  assert.equal(await readHead(client), SWITCHED);
});

test("a flood of 1xx is bounded by what the client reads", async (t) => {
  const flood = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(300_000); // 12 MB: more than the kernel holds
  const upstream = await startRawUpstream(t, answerHead(flood + SWITCHED));
  const door = await startDoor(t, upstream.config, { upgradeMs: 60_000 });
  const client = await startClient(t, door.port);
  client.pause();
  let pending = 0;
  const connected = once(upstream.server, "connection");
  client.write(UPGRADE);
  const [socket] = await connected;
  await once(socket, "drain");
  pending = door.clients[0]?.writableLength ?? Number.NaN;
  assert.ok(pending < 1_000_000, `${pending} bytes wait for the client`);
});

test("a WebSocket carries messages both ways, also large ones, and closes with its code", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http, maxPayload: 2 ** 30 });
  server.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  http.listen(0);
  await once(http, "listening");
  t.after(() => http.close());
  const door = await startDoor(t, toUpstream({ port: (http.address() as AddressInfo).port }));
  const client = new WebSocket(`ws://127.0.0.1:${door.port}/ws?x=1`, { maxPayload: 2 ** 30 });
  await once(client, "open");
  client.send("hello");
  assert.equal(String((await once(client, "message"))[0]), "hello");
  const large = Buffer.alloc(64 * 2 ** 20, "0123456789abcdef!");
  client.send(large);
  const [back] = (await once(client, "message")) as [Buffer];
  assert.ok(back.equals(large));
  client.ping("x");
  await once(client, "pong");
  client.close(4001, "bye");
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  assert.deepEqual([code, String(reason)], [4001, "bye"]);
  const { end } = await door.ended();
  assert.equal(end?.reason, "closed");
  assert.ok(
    (end?.bytesFromClient ?? 0) > large.length && (end?.bytesFromUpstream ?? 0) > large.length,
  );
  assert.equal(door.tunnels.count(), 0);
});

test("early bytes are held until the 101, then come first", async (t) => {
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.config);
  const seen = upstream.nextHead();
  const client = await startClient(t, door.port, `${UPGRADE}one,`);
  const head = await seen;
  client.write("two,");
  const socket = upstream.sockets[0] ?? assert.fail();
  await exchangeHints(client, socket);
  assert.equal(socket.bytesRead, head.length);
  socket.write(SWITCHED);
  await readHead(client);
  client.write("three");
  assert.equal(await readBytes(socket, 13), "one,two,three");
});

test("a client that sends much before the 101 is slowed down, and nothing is lost", async (t) => {
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.config);
  const seen = upstream.nextHead();
  const client = await startClient(t, door.port, UPGRADE);
  const size = 20 * 2 ** 20;
  client.write(Buffer.alloc(size, "x"));
  const head = await seen;
  const socket = upstream.sockets[0] ?? assert.fail();
  await exchangeHints(client, socket);
  const read = (door.clients[0]?.bytesRead ?? Number.NaN) - UPGRADE.length;
  assert.ok(read > 0 && read < 2 ** 18, `${read} bytes were read before the 101`);
  assert.equal(socket.bytesRead, head.length);
  socket.write(SWITCHED);
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes >= size) break;
  }
  assert.equal(bytes, size);
});

test("after a refusal early bytes never reach the upstream", async (t) => {
  const answer = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n";
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.config);
  const seen = upstream.nextHead();
  const client = await startClient(
    t,
    door.port,
    `${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const head = await seen;
  const socket = upstream.sockets[0] ?? assert.fail();
  socket.write(answer);
  assert.match(await readHead(client), /^HTTP\/1.1 403 No\r\n/);
  client.write("more");
  await exchangeNothing(client, socket);
  assert.equal(await readAll(client), "no");
  await readAll(socket);
  assert.equal(socket.bytesRead, head.length);
});

/** Three 1xx from the upstream to the client: by then the door has seen everything that either had sent before. */
async function exchangeHints(
  client: Parameters<typeof readHead>[0],
  socket: Parameters<typeof readHead>[0],
): Promise<void> {
  for (let i = 0; i < 3; i++) {
    socket.write("HTTP/1.1 103 Early Hints\r\n\r\n");
    await readHead(client);
  }
}

/** The refusal's content ends only when the client's bytes had time to arrive. */
async function exchangeNothing(
  client: Parameters<typeof readHead>[0],
  socket: Parameters<typeof readHead>[0],
): Promise<void> {
  socket.write("n");
  await readBytes(client, 1).then((text) => client.unshift(Buffer.from(text)));
  socket.write("o");
}
