/**
 * The admin port under a flood of scrapes: waiting scrapes share one rendering, and probes get their responses meanwhile.
 *
 * Symptom: 130 connections with pipelined scrapes that read nothing cost 14 s of processor time; /livez got no response within 1.5 s, or
 * a 503, and the kubelet restarted headgate. Root cause: each scrape was rendered by itself, a connection's pipelined requests were served
 * one after the other without a turn of the event loop, and a full connection table had no slot for a probe unless one connection was idle.
 * Fix: a rendering is shared and renderings have pauses between them, a connection gets one response per turn, and the oldest connection is
 * evicted.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startRun } from "../support/process.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { openWire } from "../support/wire.ts";

/** Documented in docs/operations.md. */
const MIN_PAUSE_MS = 100;
const PROBES = 10;
const PATIENCE_MS = 20_000;

interface Flooder {
  readonly socket: Socket;
  /** Begins to read; until then the client reads nothing. */
  read(): void;
  /** The contents of the complete responses that have arrived. */
  contents(): readonly string[];
}

async function openFlooder(t: TestContext, port: number, request: string): Promise<Flooder> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined); // it may be evicted
  t.after(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(request.repeat(300));
  const pieces: Buffer[] = [];
  return {
    socket,
    read: () => void socket.on("data", (piece) => pieces.push(piece)),
    contents: () => toContents(Buffer.concat(pieces).toString("latin1")),
  };
}

function toContents(received: string): readonly string[] {
  const contents: string[] = [];
  for (let at = 0; ;) {
    const end = received.indexOf("\r\n\r\n", at);
    const [, length] = /\r\nContent-Length: (\d+)/.exec(received.slice(at, end)) ?? [];
    const next = end + 4 + Number(length);
    if (end === -1 || length === undefined || next > received.length) return contents;
    contents.push(received.slice(end + 4, next));
    at = next;
  }
}

for (const path of ["/metrics", "/status.json"]) {
  // The table has 128 slots.
  for (const connections of [130, 300]) {
    test(`${connections} connections with pipelined requests for ${path} that read nothing`, async (t) => {
      const { adminPort } = await startRun(t, ["--upstream", "http://127.0.0.1:9"]);
      const startedMs = performance.now();
      const flood = await Promise.all(
        Array.from({ length: connections }, () =>
          openFlooder(t, adminPort, toRequest(`GET ${path}`)),
        ),
      );
      for (let probe = 0; probe < PROBES; probe += 1) {
        for (const probed of ["/livez", "/readyz"]) {
          const { status } = await sendRequest(t, adminPort, toRequest(`GET ${probed}`));
          assert.equal(status, 200, `${probed} while the flood stands`);
        }
      }
      for (const { read } of flood) read();
      // The connections that still have a slot are served: the probes and the youngest of the flood took theirs from the others.
      const isServed = (): boolean =>
        flood.filter(({ contents }) => contents().length > 1).length > 128 - 2 * PROBES - 10;
      await until(isServed, "the flood is served as well");
      const elapsedMs = performance.now() - startedMs;
      const contents = flood.flatMap((one) => one.contents());
      const renderings = new Set(contents).size;
      const max = 2 + Math.floor(elapsedMs / MIN_PAUSE_MS); // a timer may be a millisecond early
      t.diagnostic(`${contents.length} responses, ${renderings} renderings in ${elapsedMs} ms`);
      assert.ok(renderings > 1, "a later scrape sees later numbers");
      assert.ok(renderings <= max, `${renderings} renderings, and at most ${max} in that time`);
    });
  }
}

test("a connection without a request yet is not evicted for later ones", async (t) => {
  const { adminPort } = await startRun(t, ["--upstream", "http://127.0.0.1:9"]);
  const open = (): Promise<Flooder> => openFlooder(t, adminPort, toRequest("GET /metrics"));
  const flood = await Promise.all(Array.from({ length: 128 }, open));
  for (const { read } of flood) read();
  await until(() => flood.every(({ contents }) => contents().length > 0), "all are served");
  const probe = await openWire(t, adminPort);
  const more = await Promise.all(Array.from({ length: 20 }, open));
  for (const { read } of more) read();
  await until(() => more.every(({ contents }) => contents().length > 0), "all of these, too");
  probe.write(toRequest("GET /livez"));
  assert.equal((await probe.readResponse()).status, 200);
});

async function until(isSo: () => boolean, what: string): Promise<void> {
  const startedMs = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - startedMs < PATIENCE_MS, what);
    await sleep(50);
  }
}
