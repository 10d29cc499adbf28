import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { SWITCHED, UPGRADE } from "../support/upgrade.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("during shutdown.delay requests are still served, with Connection: close, while /readyz is 503", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = "shutdown: { delay: 1s, grace: 5s }";
  const { app, port, adminPort } = await startSidecar(t, { upstream: origin.url, yaml });
  const stopped = app.stop();
  const probe = await openWire(t, adminPort);
  probe.write("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await probe.readResponse()).status, 503);
  const client = await openWire(t, port);
  client.write(GET);
  const answer = await client.readResponse();
  assert.equal(answer.status, 200);
  assert.ok(answer.lines.includes("Connection: close"));
  assert.equal(await stopped, 0);
});

test("during shutdown.delay a WebSocket opens as before", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(SWITCHED);
  });
  const yaml = "shutdown: { delay: 1s, grace: 100ms }";
  const { app, port } = await startSidecar(t, { upstream: origin.url, yaml });
  const stopped = app.stop();
  const client = await openWire(t, port);
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 101);
  assert.equal(await stopped, 1, "what is open at the end is cut off, and counted");
});

test("a tunnel beyond limits.tunnels is 503, and the one before it stays open", async (t) => {
  const origin = await startOrigin(t, (request) => {
    const bytes = request.takeOver();
    request.write(SWITCHED);
    void bytes.take(2).then((echo) => request.write(echo.toString()));
  });
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: "limits: { tunnels: 1 }",
    expectsErrors: true,
  });
  const first = await openWire(t, port);
  first.write(UPGRADE);
  assert.equal((await first.readResponse()).status, 101);
  const second = await openWire(t, port);
  second.write(UPGRADE);
  assert.equal((await second.readResponse()).status, 503);
  first.write("hi");
  assert.equal((await first.bytes.take(2)).toString(), "hi");
  first.reset();
});

test("timeouts.idle disconnects a client that does not read its response", async (t) => {
  const origin = await startOrigin(t, text("x".repeat(32 * 1024 * 1024)));
  const yaml = "timeouts: { idle: 300ms }";
  const { port, line } = await startSidecar(t, { upstream: origin.url, yaml });
  const client = await openWire(t, port);
  client.pause();
  client.write(GET);
  const { "error.type": type } = await line((one) => one["http.request.method"] === "GET");
  assert.equal(type, "client_gone");
});
