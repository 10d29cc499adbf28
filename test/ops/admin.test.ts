import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";

import { createAdmin, type AdminOptions } from "../../src/ops/admin.ts";
import { createLogger } from "../../src/ops/log/logger.ts";
import { createReadiness } from "../../src/ops/readiness.ts";
import { quietMetrics } from "../support/exchange.ts";
import { listen as listenServer } from "../support/server.ts";

async function listen(
  t: TestContext,
  options: Partial<AdminOptions> = {},
): ReturnType<typeof listenServer> {
  const logger = createLogger({ level: "error", format: "json" }, (line) => assert.fail(line));
  return listenServer(
    t,
    createAdmin({
      readiness: createReadiness(),
      metrics: quietMetrics(),
      status: { text: () => "{}", open: () => "full" },
      logger,
      ...options,
    }),
  );
}

test("the process is live from the start", async (t) => {
  const { port } = await listen(t);
  const response = await fetch(`http://127.0.0.1:${port}/livez`);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "live\n");
});

test("the process is ready only between start and shutdown", async (t) => {
  const readiness = createReadiness();
  const { port } = await listen(t, { readiness });
  const probe = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz?verbose`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await probe(), [503, "starting\n"]);
  readiness.ready();
  assert.deepEqual(await probe(), [200, "ready\n"]);
  readiness.drain();
  assert.deepEqual(await probe(), [503, "draining\n"]);
});

test("metrics come in Prometheus' text format, with any Accept", async (t) => {
  const { port } = await listen(t);
  // What curl sends, what Prometheus 3 sends, and another format alone.
  for (const accept of [
    "*/*",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "application/openmetrics-text",
  ]) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } });
    assert.equal(response.status, 200);
    assert.equal(
      response.headers.get("content-type"),
      "text/plain; version=0.0.4; charset=utf-8",
      accept,
    );
    assert.match(await response.text(), /^# TYPE headgate_tunnels gauge\nheadgate_tunnels 1$/m);
  }
});

test("the front page lists the endpoints for a program", async (t) => {
  const { port } = await listen(t);
  assert.match(
    await (await fetch(`http://127.0.0.1:${port}/`)).text(),
    /^headgate\n[^]*\/readyz[^]*\/metrics/,
  );
});

test("the front page shows a browser the status page", async (t) => {
  const { port } = await listen(t);
  const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept } });
  assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(response.headers.get("content-security-policy") ?? "", /^default-src 'none'; /);
  assert.match(await response.text(), /^<!doctype html>/);
});

test("/status.json is JSON", async (t) => {
  const { port } = await listen(t);
  const response = await fetch(`http://127.0.0.1:${port}/status.json`);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), {});
});

test("an event stream beyond the limit is refused with Retry-After", async (t) => {
  const { port } = await listen(t);
  const response = await fetch(`http://127.0.0.1:${port}/events`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "5");
  await response.text();
});

test("a HEAD of the event stream gets its type and no length", async (t) => {
  const { port } = await listen(t);
  const response = await fetch(`http://127.0.0.1:${port}/events`, { method: "HEAD" });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(response.headers.get("content-length"), null);
});

test("a HEAD has the GET's fields and no content", async (t) => {
  const { port } = await listen(t);
  const head = await fetch(`http://127.0.0.1:${port}/metrics`, { method: "HEAD" });
  const get = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(head.headers.get("content-length"), String((await get.arrayBuffer()).byteLength));
  assert.equal(await head.text(), "");
});

test("other methods are refused with Allow, and headgate does not wait for their content", async (t) => {
  const { port } = await listen(t);
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx");
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 405 /);
  assert.match(text, /\r\nAllow: GET, HEAD\r\n/);
  assert.match(text, /\r\nConnection: close\r\n/);
});

test("any other path is 404", async (t) => {
  const { port } = await listen(t);
  for (const path of ["/nothing", "/livez/", "//livez", "/%6civez"]) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.equal(response.status, 404, path);
    await response.text();
  }
});

test("a failing source is a 500 without a reason; the log has the reason", async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ level: "error", format: "json" }, (line) => lines.push(line));
  const metrics = { text: () => Promise.reject(new Error("inner detail")) };
  const { port } = await listen(t, { logger, metrics });
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /inner detail/);
  assert.match(lines.join(""), /inner detail/);
});

test("a client that does not read its response is disconnected", { timeout: 20_000 }, async (t) => {
  const body = "x".repeat(64 * 1024 * 1024);
  const metrics = { text: () => Promise.resolve({ contentType: "text/plain", body }) };
  const { server, port } = await listen(t, { metrics, responseTimeoutMs: 100 });
  const client = connect(port, "127.0.0.1").pause();
  t.after(() => client.destroy());
  client.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(client, "connect");
  await until(() => server.connections() === 1);
  await until(() => server.connections() === 0);
});

// Symptom: one connection with thousands of pipelined requests held up all others, the probes among them, until it was done.
// Root cause: each response was written as soon as the client had read the one before, without a turn of the event loop between them.
// Fix: a request on the admin port gets its response in the next turn.
test("a connection with many pipelined requests gets one response per turn, so others get theirs", async (t) => {
  const PIPELINED = 500;
  let answered = 0;
  let answeredBefore: number | undefined;
  const { port } = await listen(t, {
    readiness: {
      state() {
        answered += 0.5; // it is called twice for each request
        return "ready";
      },
    },
    status: {
      text() {
        answeredBefore ??= answered;
        return "{}";
      },
      open: () => "full",
    },
  });
  const [many, one] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  t.after(() => [many, one].forEach((socket) => socket.destroy()));
  await Promise.all([once(many, "connect"), once(one, "connect")]);
  // Both connections reach the server before the test takes its turn.
  many.write("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(PIPELINED));
  one.write("GET /status.json HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(one, "data");
  assert.ok((answeredBefore ?? PIPELINED) < PIPELINED / 2, `${answeredBefore} came first`);
  many.resume();
  await until(() => answered === PIPELINED);
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(5);
}
