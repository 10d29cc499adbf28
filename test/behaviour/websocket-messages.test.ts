// WebSockets between a real client and a real server: messages of both arrive unchanged.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import test from "node:test";

import { type WebSocketStack, nextMessage, startWebSockets } from "../support/websocket.ts";

test("a message in fragments arrives as one message, both ways", async (t) => {
  const { open } = await startWebSockets(t);
  const pair = await open();
  for (const [from, to] of bothWays(pair)) {
    const message = nextMessage(to);
    for (const part of ["one, ", "two, "]) from.send(part, { fin: false });
    from.ping("between fragments");
    from.send("three");
    assert.equal((await message).toString(), "one, two, three");
  }
});

test("messages of every length at which the frame's header changes arrive, texts and bytes, both ways", async (t) => {
  const { open } = await startWebSockets(t);
  const pair = await open();
  for (const length of [0, 1, 125, 126, 127, 65_529, 65_535, 65_536, 1_000_000]) {
    for (const [from, to] of bothWays(pair)) {
      const text = "ä".repeat(length);
      let message = once(to, "message");
      from.send(text);
      assert.deepEqual(await message, [Buffer.from(text), false]);
      message = once(to, "message");
      from.send(Buffer.alloc(length, "0123456789-"));
      assert.deepEqual(await message, [Buffer.alloc(length, "0123456789-"), true]);
    }
  }
});

test("a ping comes back as a pong with its payload, both ways", async (t) => {
  const { open } = await startWebSockets(t);
  const pair = await open();
  for (const [from, to] of bothWays(pair)) {
    const heard = once(to, "ping") as Promise<[Buffer]>;
    const answered = once(from, "pong") as Promise<[Buffer]>;
    from.ping("p".repeat(125));
    assert.equal((await heard)[0].toString(), "p".repeat(125));
    assert.equal((await answered)[0].toString(), "p".repeat(125));
  }
});

test("compression that the peers negotiate is theirs: messages arrive in fewer bytes than they have", async (t) => {
  const { open } = await startWebSockets(t, { perMessageDeflate: { threshold: 0 } });
  const pair = await open();
  const { client } = pair;
  assert.match(client.extensions, /^permessage-deflate/);
  const text = "the same words again ".repeat(50_000);
  const { bytesRead } = Reflect.get(client, "_socket") as Socket;
  for (const [from, to] of bothWays(pair)) {
    const message = nextMessage(to);
    from.send(text);
    assert.equal((await message).toString(), text);
  }
  const raw = Reflect.get(client, "_socket") as Socket;
  assert.ok(raw.bytesRead - bytesRead < text.length / 10);
  assert.ok(raw.bytesWritten < text.length / 10);
});

test("no compression is negotiated if the server has none", async (t) => {
  const { open } = await startWebSockets(t, { perMessageDeflate: false });
  const { client, socket } = await open([], { perMessageDeflate: true });
  assert.equal(client.extensions, "");
  const message = nextMessage(socket);
  client.send("plain");
  assert.equal((await message).toString(), "plain");
});

test("a message of 64 MB arrives completely, both ways", async (t) => {
  const { open } = await startWebSockets(t);
  const { client, socket } = await open();
  const large = Buffer.alloc(64 * 2 ** 20, "0123456789abcdef!");
  const up = nextMessage(socket);
  client.send(large);
  assert.ok(large.equals(await up));
  const down = nextMessage(client);
  socket.send(large);
  assert.ok(large.equals(await down));
});

test("a message of the server right after its 101 is the first that the client gets", async (t) => {
  const { server, connect } = await startWebSockets(t);
  server.on("connection", (socket) => {
    socket.send("first");
    socket.send("second");
  });
  const client = connect();
  const heard: string[] = [];
  client.on("message", (data: Buffer) => heard.push(data.toString()));
  while (heard.length < 2) await once(client, "message");
  assert.deepEqual(heard, ["first", "second"]);
});

test("200 WebSockets at one time each get their own messages and leave nothing behind", async (t) => {
  const { server, sidecar, connect } = await startWebSockets(t);
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  const talk = async (id: number): Promise<void> => {
    const client = connect();
    await once(client, "open");
    for (let turn = 0; turn < 5; turn += 1) {
      const message = nextMessage(client);
      client.send(`${id}:${turn}`);
      assert.equal((await message).toString(), `${id}:${turn}`);
    }
    client.close();
    await once(client, "close");
  };
  await Promise.all(Array.from({ length: 200 }, (_, id) => talk(id)));
  while (sidecar.lines.filter(({ msg }) => msg === "tunnel").length < 200)
    await new Promise(setImmediate);
  const page = await (await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`)).text();
  assert.match(page, /^headgate_tunnels 0$/m);
});

type Pair = Pick<Awaited<ReturnType<WebSocketStack["open"]>>, "client" | "socket">;

/** From either side to the other. */
function bothWays({ client, socket }: Pair) {
  return [
    [client, socket],
    [socket, client],
  ] as const;
}
