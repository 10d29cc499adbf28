// How WebSockets end: the code and the reason reach the other side, and a side that is cut off cuts off the other.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";

import { closeOf, startWebSockets } from "../support/websocket.ts";

const ENDINGS: readonly (readonly [code: number, reason: string])[] = [
  [1000, "done"],
  [1001, ""],
  [1008, "policy"],
  [1011, "ä".repeat(61)], // 122 bytes of the 123 that a reason may have
  [3000, "a library's"],
  [4999, "an application's"],
];

test("a close reaches the other side with its code and reason, both ways, and is acknowledged with the same code", async (t) => {
  const { open } = await startWebSockets(t);
  for (const ending of ENDINGS) {
    for (const closer of ["client", "socket"] as const) {
      const pair = await open();
      const ended = Promise.all([closeOf(pair.client), closeOf(pair.socket)]);
      pair[closer].close(...ending);
      const [client, server] = await ended;
      const [own, others] = closer === "client" ? [client, server] : [server, client];
      assert.deepEqual(others, ending, closer);
      assert.equal(own[0], ending[0]);
    }
  }
});

test("a close without a code is one without a code on the other side", async (t) => {
  const { open } = await startWebSockets(t);
  for (const closer of ["client", "socket"] as const) {
    const pair = await open();
    const ended = closeOf(closer === "client" ? pair.socket : pair.client);
    pair[closer].close();
    assert.equal((await ended)[0], 1005);
  }
});

test("messages before a close arrive before it", async (t) => {
  const { open } = await startWebSockets(t);
  for (const closer of ["client", "socket"] as const) {
    const pair = await open();
    const other = closer === "client" ? pair.socket : pair.client;
    const heard: string[] = [];
    other.on("message", (data: Buffer) => heard.push(`${data.length}`));
    const ended = closeOf(other);
    pair[closer].send(Buffer.alloc(5_000_000));
    pair[closer].send("x");
    pair[closer].close(1000);
    assert.equal((await ended)[0], 1000);
    assert.deepEqual(heard, ["5000000", "1"]);
  }
});

test("a side that is cut off cuts off the other: 1006 there, and no tunnel is left", async (t) => {
  const { open, sidecar } = await startWebSockets(t);
  for (const leaver of ["client", "socket"] as const) {
    const pair = await open();
    const ended = closeOf(leaver === "client" ? pair.socket : pair.client);
    pair[leaver].terminate();
    assert.equal((await ended)[0], 1006);
  }
  while (sidecar.lines.length < 2) await new Promise(setImmediate);
  const page = await (await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`)).text();
  assert.match(page, /^headgate_tunnels 0$/m);
});

test("a side that is cut off in the middle of a large message does not complete it for the other", async (t) => {
  const { open } = await startWebSockets(t);
  for (const leaver of ["client", "socket"] as const) {
    const pair = await open();
    const other = leaver === "client" ? pair.socket : pair.client;
    other.on("message", () => assert.fail("a message that was never whole"));
    const ended = closeOf(other);
    pair[leaver].send(Buffer.alloc(2 ** 26));
    setImmediate(() => pair[leaver].terminate());
    assert.equal((await ended)[0], 1006);
  }
});

test("an invalid frame is the peers' affair: the side that receives it sends 1002", async (t) => {
  const { open } = await startWebSockets(t);
  const { client, socket } = await open();
  socket.on("error", () => undefined);
  const ended = closeOf(client);
  const [raw] = [Reflect.get(client, "_socket") as { write(bytes: Buffer): void }];
  raw.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0])); // reserved bits and opcode
  const [code] = await ended;
  assert.equal(code, 1002);
});

test("a shutdown ends open WebSockets within its grace period", async (t) => {
  const { open, sidecar } = await startWebSockets(t);
  const { client, socket } = await open();
  const ended = Promise.all([once(client, "close"), once(socket, "close")]);
  const stopped = sidecar.stop();
  client.close(1001, "going away"); // a client sends this when it is about to end
  assert.equal(await stopped, 0);
  await ended;
});
