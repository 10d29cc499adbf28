/** A 101, the bytes around it, and a side that stops reading after it. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import test from "node:test";

import { MEBIBYTE, untilQuiet } from "../support/flood.ts";
import { forgetPeak, peakBytes, startRun } from "../support/process.ts";
import {
  SWITCHED,
  UPGRADE,
  respondWith,
  readAll,
  readBytes,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  startUpgrade,
} from "../support/upgrade.ts";

const STATUS = "HTTP/1.1 101 Switching Protocols\r\n";

test("the 101 is relayed with its reason and its fields in order, case and number", async (t) => {
  const head =
    "HTTP/1.1 101 \u00d6ff We Go\r\nsEt-Cookie: a\r\nX-A: 1\r\nSet-Cookie: b\r\nuPgrade: foo/2\r\n42: x\r\nx-a: \u00e9\r\n" +
    "Set-Cookie: c\r\nConnection: Upgrade\r\n\r\n";
  const { door, client } = await startUpgrade(t, respondWith(head));
  assert.equal(await readHead(client), head);
  client.resetAndDestroy();
  assert.equal((await door.ended())["http.response.status_code"], 101);
});

test("1,500 fields of a 101 reach the client, none is dropped silently", async (t) => {
  const fields = "X: 1\r\n".repeat(1_500);
  const { client } = await startUpgrade(t, respondWith(SWITCHED.replace("Conn", `${fields}Conn`)));
  assert.equal((await readHead(client)).match(/^X: 1\r$/gm)?.length, 1_500);
});

test("hop-by-hop fields of a 101 are removed, Upgrade and Connection's upgrade option stay unchanged", async (t) => {
  const fields =
    "Upgrade: foo/2\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nContent-Length: 7\r\nX-Kept: 1\r\nConnection: upgrade, x-hop\r\n";
  const { client } = await startUpgrade(t, respondWith(`${STATUS}${fields}\r\n`));
  assert.equal(
    await readHead(client),
    `${STATUS}Upgrade: foo/2\r\nX-Kept: 1\r\nConnection: upgrade\r\n\r\n`,
  );
});

test("the upstream's bytes right after its 101 reach the client right after it", async (t) => {
  // Shorter and longer than what the tunnel reads at once, together with the end of the upstream's bytes.
  for (const size of [5, 200_000, 3_000_000]) {
    const rest = "hello".repeat(size / 5);
    const { door, client } = await startUpgrade(
      t,
      respondWith(`${SWITCHED}${rest}`, (socket) => socket.end(", world")),
    );
    assert.equal(await readHead(client), SWITCHED);
    assert.ok((await readAll(client)) === `${rest}, world`, `${size} bytes`);
    client.end();
    const line = await door.ended();
    assert.deepEqual([line["msg"], line["error.type"]], ["tunnel", undefined]);
    await door.untilNothingIsOpen();
  }
});

test("other 1xx reach the client before the 101, without their hop-by-hop fields", async (t) => {
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n";
  const { client } = await startUpgrade(
    t,
    respondWith(`${hints}Connection: x\r\nx: 1\r\n\r\n${SWITCHED}`),
  );
  assert.equal(await readHead(client), `${hints}\r\n`);
  assert.equal(await readHead(client), SWITCHED);
});

test("early bytes are held until the 101, then come first", async (t) => {
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.url);
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

test("early bytes of a client that sends its FIN with the 101 in hand arrive, and the FIN after them", async (t) => {
  // http-proxy is loaded meanwhile, the first time.
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url);
  for (let round = 0; round < 3; round += 1) {
    const client = await startClient(t, door.port, `${UPGRADE}early`);
    await readHead(client);
    client.end();
    const socket = upstream.sockets[round] ?? assert.fail();
    assert.equal(await readAll(socket), "early");
    socket.end("late");
    assert.equal(await readAll(client), "late");
    assert.equal((await door.ended())["error.type"], undefined);
  }
});

test("a client that sends much before the 101 is throttled, and nothing is lost", async (t) => {
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.url);
  const seen = upstream.nextHead();
  const client = await startClient(t, door.port, UPGRADE);
  const size = 64 * MEBIBYTE;
  client.write(Buffer.alloc(size, "x"));
  const head = await seen;
  const socket = upstream.sockets[0] ?? assert.fail();
  const taken = await untilQuiet(() => client.bytesWritten - client.writableLength, 100);
  assert.ok(taken < size / 2, `${taken} bytes were taken before the 101`);
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
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.url);
  const seen = upstream.nextHead();
  const client = await startClient(
    t,
    door.port,
    `${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const head = await seen;
  const socket = upstream.sockets[0] ?? assert.fail();
  socket.write("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n");
  assert.match(await readHead(client), /^HTTP\/1.1 403 No\r\n/);
  client.write("more");
  // The refusal's content ends only after the client's bytes had time to arrive.
  socket.write("n");
  assert.equal(await readBytes(client, 1), "n");
  socket.write("o");
  assert.equal(await readAll(client), "o");
  assert.equal(socket.bytesRead, head.length);
});

/** Three 1xx from the upstream to the client: by then headgate has read everything that either had sent before. */
async function exchangeHints(client: Socket, socket: Socket): Promise<void> {
  for (let i = 0; i < 3; i++) {
    socket.write("HTTP/1.1 103 Early Hints\r\n\r\n");
    await readHead(client);
  }
}

const SIZE = 100 * MEBIBYTE;

for (const stalled of ["client", "upstream"] as const) {
  test(`four ${stalled}s that stop reading with 100 MB to come cost at most some tens of MB each, and all of it arrives`, async (t) => {
    const upstream = await startRawUpstream(t, respondWith(SWITCHED));
    const headgate = await startRun(t, ["--upstream", upstream.url]);
    const clients: Socket[] = [];
    for (let index = 0; index < 4; index += 1) {
      const client = await startClient(t, headgate.port, UPGRADE);
      await readHead(client);
      clients.push(client);
    }
    forgetPeak(headgate.pid);
    const before = peakBytes(headgate.pid);
    const flows = clients.map((client, index) => {
      const socket = upstream.sockets[index] ?? assert.fail();
      return stalled === "client" ? { from: socket, to: client } : { from: client, to: socket };
    });
    // One buffer 100 times over: the sender's own queue costs nothing.
    const chunk = Buffer.alloc(MEBIBYTE, "x");
    for (const { from } of flows)
      for (let sent = 0; sent < SIZE; sent += MEBIBYTE) from.write(chunk);
    await Promise.all(
      flows.map(({ from }) => untilQuiet(() => from.bytesWritten - from.writableLength, 100)),
    );
    const grown = (peakBytes(headgate.pid) - before) / MEBIBYTE;
    assert.ok(grown < 50, `${grown} MiB`);
    for (const { to } of flows) {
      let bytes = 0;
      for await (const part of to.iterator({ destroyOnReturn: false })) {
        bytes += (part as Buffer).length;
        if (bytes === SIZE) break;
      }
      assert.equal(bytes, SIZE);
    }
  });
}

// Symptom: with a variable DEBUG that the app also reads, headgate printed lines of http-proxy to standard error, which are no JSON.
// Root cause: http-proxy traces itself through the package debug, which reads that variable. Fix: the bundle has no such package.
test("the variable DEBUG does not make an upgrade print anything", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const headgate = await startRun(t, ["--upstream", upstream.url], ["env", "DEBUG=*"]);
  const client = await startClient(t, headgate.port, UPGRADE);
  assert.equal(await readHead(client), SWITCHED);
  client.resetAndDestroy();
  headgate.signal("SIGTERM");
  await headgate.exited;
  assert.equal(headgate.stderr(), "");
});
