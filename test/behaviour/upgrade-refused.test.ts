import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import {
  answerHead,
  readAll,
  readBytes,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  UPGRADE,
} from "../support/upgrade.ts";

test("a refusal comes back whole: status, reason, raw fields, content", async (t) => {
  const head =
    "HTTP/1.1 426 Not So\r\nsEt-Cookie: a\r\nX: 1\r\nSet-Cookie: b\r\nUpgrade: bar\r\nContent-Length: 5\r\n";
  const upstream = await startRawUpstream(t, answerHead(`${head}\r\nhello`));
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(await readAll(client), `${head}Connection: close\r\n\r\nhello`);
  client.end();
  const { end } = await door.ended();
  assert.deepEqual(end, {
    switched: false,
    reason: "closed",
    error: undefined,
    bytesFromClient: 0,
    bytesFromUpstream: 0,
  });
  await readAll(upstream.sockets[0] ?? assert.fail());
});

test("a refusal without a length, chunked or until close, keeps its content", async (t) => {
  for (const answer of [
    "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.0 403 No\r\n\r\nhello",
  ]) {
    const upstream = await startRawUpstream(
      t,
      answerHead(answer, (socket) => socket.end()),
    );
    const door = await startDoor(t, upstream.config);
    const client = await startClient(t, door.port, UPGRADE);
    assert.match(
      await readAll(client),
      /^HTTP\/1.1 403 No\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    );
    client.destroy();
    await door.ended();
  }
});

test("a refusal reaches the client as it comes, before its content is complete", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  upstream.sockets[0]?.write("a");
  await readBytes(client, 1);
  upstream.sockets[0]?.write("b");
  assert.equal(await readAll(client), "b");
});

test("the time for the answer is not the time of its content", async (t) => {
  const upgradeMs = 100;
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", (socket) => {
      setTimeout(() => socket.write("a"), 2 * upgradeMs);
    }),
  );
  const door = await startDoor(t, upstream.config, { upgradeMs });
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /\r\n\r\na$/);
});

test("what a client sent before a refusal is read and dropped, however much it is", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  const written = new Promise((resolve) => client.write(Buffer.alloc(2 ** 24), resolve));
  assert.match(await readHead(client), /^HTTP\/1.1 403 /);
  assert.equal((await written) ?? undefined, undefined);
});

test("a refusal whose content the caller does not read frees the upstream all the same", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
  );
  const door = await startDoor(t, upstream.config, { refuse: async () => {} });
  const seen = upstream.nextHead();
  const client = await startClient(t, door.port, UPGRADE);
  await seen;
  await Promise.all([readAll(upstream.sockets[0] ?? assert.fail()), readAll(client)]);
  assert.equal((await door.ended()).end?.reason, "closed");
});

test("a refusal that breaks off reaches the client broken off", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  upstream.sockets[0]?.resetAndDestroy();
  assert.equal(await readAll(client), "a");
  const { end } = await door.ended();
  assert.deepEqual(
    [end?.switched, end?.reason, end?.error?.code],
    [false, "broken", "connection_terminated"],
  );
});

test("a refusal that stalls longer than the upstream's idle time is broken off", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
  );
  const door = await startDoor(t, { ...upstream.config, idleTimeout: 100 });
  const client = await startClient(t, door.port, UPGRADE);
  assert.match(await readAll(client), /Content-Length: 9\r\n[^]*a$/);
  assert.equal((await door.ended()).end?.error?.code, "http_response_timeout");
  await readAll(upstream.sockets[0] ?? assert.fail());
});

test("a client that leaves while a refusal comes in frees the upstream", async (t) => {
  for (const leave of ["end", "resetAndDestroy"] as const) {
    const upstream = await startRawUpstream(
      t,
      answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
    );
    const door = await startDoor(t, upstream.config);
    const client = await startClient(t, door.port, UPGRADE);
    await readHead(client);
    client[leave]();
    await readAll(upstream.sockets[0] ?? assert.fail());
    assert.equal((await door.ended()).end?.error?.code, "client_gone");
  }
});

test("a refusal of any size waits for the client to read it", async (t) => {
  const size = 100 * 2 ** 20;
  const upstream = await startRawUpstream(
    t,
    answerHead(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, (socket) =>
      socket.write(Buffer.alloc(size)),
    ),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  const [socket] = door.clients;
  while (!socket?.writableNeedDrain) await new Promise(setImmediate);
  assert.ok(socket.writableLength < 2 ** 20);
  let bytes = 0;
  client.on("data", (chunk: Buffer) => (bytes += chunk.length)).resume();
  await once(client, "end");
  assert.equal(bytes, size);
});

test("a client that does not close after a refusal is cut off", async (t) => {
  const upstream = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
  );
  const door = await startDoor(t, upstream.config);
  const client = await startClient(t, door.port, UPGRADE);
  await readAll(client);
  assert.equal((await door.ended()).end?.reason, "closed");
  assert.equal(door.clients[0]?.destroyed, true);
});
