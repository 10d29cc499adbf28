/** Sockets that a server of the simulation accepts behave as Node's own: one suite for TCP and for memory. */

import assert from "node:assert/strict";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { loadSimulation } from "../../tools/simulation/bundle.ts";
import { runLoop, until } from "../support/simulated.ts";

interface Pair {
  readonly socket: Socket;
  write(text: string): void;
  end(): void;
  reset(): void;
  setReading(isReading: boolean): void;
  received(): string;
  seen(): "nothing" | "end" | "reset";
}

const { loop, MemoryHandle, accept, createServer: createInMemory } = (await loadSimulation()).parts;
const OPTIONS = { allowHalfOpen: true, noDelay: true, highWaterMark: 128 * 1024 };

for (const [name, open] of Object.entries({ TCP: openReal, memory: openInMemory })) {
  test(`${name}: data, then the end of a half-open connection, which still takes a response`, async (t) => {
    const pair = await open(t);
    const log: string[] = [];
    pair.socket.on("data", (bytes: Buffer) => log.push(bytes.toString("latin1")));
    pair.socket.on("end", () => log.push("end")).on("close", () => log.push("close"));
    pair.write("request");
    pair.end();
    await until(() => log.includes("end"));
    assert.equal(pair.socket.bytesRead, 7);
    assert.ok(pair.socket.remoteAddress);
    pair.socket.write("response");
    pair.socket.destroySoon();
    await until(() => log.includes("close") && pair.received() === "response");
    assert.deepEqual(log, ["request", "end", "close"]);
    await until(() => pair.seen() === "end");
  });

  test(`${name}: if a client reads nothing, write returns false and the socket times out`, async (t) => {
    const pair = await open(t);
    pair.setReading(false);
    const piece = "x".repeat(256 * 1024);
    while (pair.socket.write(piece));
    while (pair.socket.writableLength === 0) pair.socket.write(piece);
    let timeouts = 0;
    pair.socket.setTimeout(50, () => (timeouts += 1));
    await until(() => timeouts === 1);
    pair.setReading(true);
    await new Promise((resolve) => pair.socket.once("drain", resolve));
    assert.equal(pair.socket.writableLength, 0);
  });

  test(`${name}: a client's reset is an error and the close, and ends the reading`, async (t) => {
    const pair = await open(t);
    const log: string[] = [];
    pair.socket.on("error", (error) => log.push("code" in error ? String(error.code) : ""));
    pair.socket.on("close", () => log.push("close")).resume();
    pair.reset();
    await until(() => log.includes("close"));
    assert.deepEqual(log, ["ECONNRESET", "close"]);
  });

  test(`${name}: the peer sees resetAndDestroy as a reset`, async (t) => {
    const pair = await open(t);
    pair.socket.resetAndDestroy();
    await until(() => pair.seen() === "reset");
  });

  test(`${name}: a paused socket reads on when it is resumed`, async (t) => {
    const pair = await open(t);
    let read = "";
    pair.socket.on("data", (bytes: Buffer) => (read += bytes.toString("latin1"))).pause();
    pair.write("more");
    pair.socket.resume();
    await until(() => read === "more");
  });
}

async function openReal(t: TestContext): Promise<Pair> {
  let socket: Socket | undefined;
  const server = createServer(OPTIONS, (accepted) => (socket = accepted));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  let received = "";
  let seen: ReturnType<Pair["seen"]> = "nothing";
  client.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  client.on("end", () => (seen = "end")).on("error", () => (seen = "reset"));
  await until(() => socket !== undefined);
  const accepted = socket as Socket;
  accepted.on("error", () => undefined);
  t.after(() => {
    accepted.destroy();
    client.destroy();
    server.close();
  });
  return {
    socket: accepted,
    write: (text) => void client.write(text),
    end: () => void client.end(),
    reset: () => void client.resetAndDestroy(),
    setReading: (isReading) => void (isReading ? client.resume() : client.pause()),
    received: () => received,
    seen: () => seen,
  };
}

async function openInMemory(t: TestContext): Promise<Pair> {
  loop.reset(1);
  const handle = new MemoryHandle();
  let socket: Socket | undefined;
  let received = "";
  let seen: ReturnType<Pair["seen"]> = "nothing";
  handle.peer = {
    onWritten: () => undefined,
    onRefused: () => undefined,
    onBytes: (text) => (received += text),
    onFin: () => (seen = "end"),
    onClosed: (how) => (seen = how === "reset" ? "reset" : seen),
  };
  createInMemory(OPTIONS, (accepted) => (socket = accepted));
  accept(handle);
  runLoop(t, loop);
  await until(() => socket !== undefined);
  const accepted = socket as unknown as Socket;
  accepted.on("error", () => undefined);
  t.after(() => void accepted.destroy());
  return {
    socket: accepted,
    write: (text) => handle.receive(text),
    end: () => handle.receiveEnd(),
    reset: () => handle.receiveReset(),
    setReading(isReading) {
      if (isReading) handle.give(Infinity);
      else handle.room = 0;
    },
    received: () => received,
    seen: () => seen,
  };
}
