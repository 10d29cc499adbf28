/**
 * The sockets of the simulation behave as Node's own: one suite for connections over TCP, over TLS and in memory.
 * In memory only the handle, which is the kernel's side, is not Node's.
 */

import assert from "node:assert/strict";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { UpstreamConfig } from "../../src/config/types.ts";
import type { UpstreamSocket, UpstreamSocketEvents } from "../../src/upstream/socket.ts";
import { createUpstreamResources } from "../../src/upstream/upstream-pool.ts";
import { loadSimulation } from "../../tools/simulation/bundle.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { runLoop, until } from "../support/simulated.ts";

/** The other end of a connection. */
interface Remote {
  write(text: string): void;
  end(): void;
  reset(): void;
  setReading(isReading: boolean): void;
  received(): string;
  /** What it saw of the connection's end. */
  seen(): "nothing" | "end" | "reset";
}

interface Pair {
  readonly socket: UpstreamSocket;
  readonly remote: Remote;
  readonly log: string[];
}

interface Kind {
  readonly scheme: "http" | "https";
  /** Opens a connection to `app`, whose first address refuses if it has two. */
  open(t: TestContext, addresses?: 1 | 2): Promise<Pair>;
}

const simulation = await loadSimulation();
const { loop, network, MemoryHandle, connectTo } = simulation.parts;
type Handle = InstanceType<typeof MemoryHandle>;

const KINDS: Readonly<Record<string, Kind>> = {
  TCP: { scheme: "http", open: (t, addresses) => openReal(t, "http", addresses) },
  TLS: { scheme: "https", open: (t, addresses) => openReal(t, "https", addresses) },
  memory: { scheme: "http", open: openInMemory },
};

for (const [name, { open, scheme }] of Object.entries(KINDS)) {
  test(`${name}: reads come in order, then the end, and the other direction stays open`, async (t) => {
    const { socket, remote, log } = await open(t);
    remote.write("one");
    await until(() => log.includes("read one"));
    remote.write("two");
    remote.end();
    await until(() => log.includes("end"));
    socket.write("behind");
    await until(() => remote.received() === "behind");
    socket.end(() => log.push("finished"));
    await until(() => remote.seen() === "end" && log.at(-1)?.startsWith("closed") === true);
    assert.deepEqual(log, ["connected", "read one", "read two", "end", "finished", "closed"]);
  });

  test(`${name}: bytes that arrive while it is paused are read when it is resumed`, async (t) => {
    const { socket, remote, log } = await open(t);
    socket.pause();
    remote.write("later");
    await turns(20);
    log.push("resumed");
    socket.resume();
    await until(() => log.includes("read later"));
    assert.deepEqual(log, ["connected", "resumed", "read later"]);
  });

  test(`${name}: a write without room returns false, and a drain follows`, async (t) => {
    const { socket, remote, log } = await open(t);
    remote.setReading(false);
    const piece = "x".repeat(64 * 1024);
    let written = 0;
    do written += piece.length;
    while (socket.write(piece) && written < 1e9);
    assert.ok(socket.isStuck());
    remote.setReading(true);
    await until(() => log.includes("drain") && remote.received().length === written);
    assert.equal(socket.isStuck(), false);
    socket.destroy();
  });

  test(`${name}: texts and bytes arrive in their order`, async (t) => {
    const { socket, remote } = await open(t);
    socket.write("a");
    socket.write(Buffer.from("b"));
    socket.write("\xe9");
    await until(() => remote.received() === "ab\xe9");
    socket.destroy();
  });

  test(`${name}: a reset closes it with an error and without an end`, async (t) => {
    const { remote, log } = await open(t);
    // libuv takes a reset that comes together with data, such as the tickets of TLS 1.3, for an end.
    remote.write("before");
    await until(() => log.includes("read before"));
    remote.reset();
    await until(() => log.at(-1)?.startsWith("closed") === true);
    assert.deepEqual(log, ["connected", "read before", "closed ECONNRESET"]);
  });

  test(`${name}: after destroy no event follows, and the other side sees the end`, async (t) => {
    const { socket, remote, log } = await open(t);
    socket.destroy();
    remote.write("unheard");
    await until(() => remote.seen() !== "nothing");
    await turns(5);
    assert.deepEqual(log, ["connected"]);
  });

  test(`${name}: the other side sees a reset as such`, async (t) => {
    const { socket, remote, log } = await open(t);
    socket.reset();
    await until(() => remote.seen() === "reset");
    assert.deepEqual(log, ["connected"]);
  });

  test(`${name}: after an address that refuses the next one is tried`, async (t) => {
    const { remote, log, socket } = await open(t, 2);
    remote.write("second");
    await until(() => log.includes("read second"));
    assert.deepEqual(log, ["connected", "read second"]);
    socket.destroy();
  });

  if (scheme === "http")
    test(`${name}: a write after a reset fails`, async (t) => {
      const { socket, remote, log } = await open(t);
      socket.pause();
      remote.reset();
      await turns(20);
      // The kernel may take a first write; it responds with a reset.
      socket.write("into the void");
      await turns(20);
      socket.write("again");
      assert.ok(socket.isWriteBroken() || log.at(-1)?.startsWith("closed") === true);
      socket.destroy();
    });

  test(`${name}: an orderly end is confirmed as one`, async (t) => {
    const { socket, remote, log } = await open(t);
    remote.end();
    await until(() => log.includes("end"));
    const isOrderly = await new Promise<boolean>((resolve) => socket.confirmEnd(resolve));
    assert.ok(isOrderly);
    socket.destroy();
  });
}

function toEvents(log: string[]): UpstreamSocketEvents {
  return {
    onConnected: () => void log.push("connected"),
    onRead: (bytes, length) => void log.push(`read ${bytes.toString("latin1", 0, length)}`),
    onWritten: () => undefined,
    onDrain: () => void log.push("drain"),
    onEnd: () => void log.push("end"),
    onClosed(error) {
      const cause = error !== undefined && "code" in error ? error : error?.cause;
      const code = (cause as { code?: string } | undefined)?.code;
      log.push(code === undefined ? "closed" : `closed ${code}`);
    },
  };
}

function toUpstream(scheme: string, host: string, port: number): UpstreamConfig {
  return {
    name: "app",
    url: { protocol: `${scheme}:`, host, port, authority: host, socketPath: undefined },
    connectTimeout: 10_000,
    tls: { verify: false },
  } as unknown as UpstreamConfig;
}

const HOSTS = { 1: "127.0.0.1 app\n", 2: "127.0.0.2 app\n127.0.0.1 app\n" };

async function openReal(t: TestContext, scheme: string, addresses: 1 | 2 = 1): Promise<Pair> {
  const log: string[] = [];
  let accepted: Socket | undefined;
  let raw: Socket | undefined;
  let seen: ReturnType<Remote["seen"]> = "nothing";
  let received = "";
  const accept = (socket: Socket): void => {
    accepted = socket;
    socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
    socket.on("error", () => (seen = "reset")).on("end", () => (seen = "end"));
    socket.on("close", () => (seen = seen === "nothing" ? "end" : seen));
  };
  const server: Server =
    scheme === "http"
      ? createServer({ allowHalfOpen: true }, accept)
      : createTlsServer({ allowHalfOpen: true, cert: CERTIFICATE, key: KEY } as object, accept);
  server.on("connection", (socket: Socket) => {
    raw = socket;
    socket.on("error", () => (seen = "reset"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const resources = createUpstreamResources({
    collectGarbage: () => undefined,
    readSystemFile: (path) => (path === "/etc/hosts" ? HOSTS[addresses] : ""),
  });
  const socket = resources.connectTo(toUpstream(scheme, "app", port))(toEvents(log));
  t.after(() => {
    socket.destroy();
    raw?.destroy();
    resources.close();
    server.close();
  });
  await until(() => accepted !== undefined && log.includes("connected"));
  const remote: Remote = {
    write: (text) => void accepted?.write(text),
    end: () => void accepted?.end(),
    reset: () => void raw?.resetAndDestroy(),
    setReading: (isReading) => void (isReading ? accepted?.resume() : accepted?.pause()),
    received: () => received,
    seen: () => seen,
  };
  return { socket, remote, log };
}

async function openInMemory(t: TestContext, addresses: 1 | 2 = 1): Promise<Pair> {
  const log: string[] = [];
  let handle: Handle | undefined;
  let seen: ReturnType<Remote["seen"]> = "nothing";
  let received = "";
  loop.reset(1);
  network.dial = (one, address) => {
    const status = address === "127.0.0.2" ? -111 : 0;
    one.peer = {
      onWritten: () => undefined,
      onRefused: () => undefined,
      onBytes: (text) => (received += text),
      onFin: () => (seen = "end"),
      onClosed: (how) => (seen = how === "reset" ? "reset" : "end"),
    };
    return { afterMs: 0, status, onConnected: (connected) => (handle = connected) };
  };
  const connect = connectTo(toUpstream("http", "app", 80), (path) =>
    path === "/etc/hosts" ? HOSTS[addresses] : "",
  );
  const socket = connect(toEvents(log));
  runLoop(t, loop);
  t.after(() => socket.destroy());
  await until(() => handle !== undefined && log.includes("connected"));
  const remote: Remote = {
    write: (text) => handle?.receive(text),
    end: () => handle?.receiveEnd(),
    reset: () => handle?.receiveReset(),
    setReading(isReading) {
      if (handle === undefined) return;
      if (isReading) handle.give(Infinity);
      else handle.room = 0;
    },
    received: () => received,
    seen: () => seen,
  };
  return { socket, remote, log };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
