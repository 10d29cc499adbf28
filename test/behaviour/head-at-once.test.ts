import assert from "node:assert/strict";
import test from "node:test";
import { slow, sse, text, toHead } from "../support/responses.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** 200 MB with backpressure. `written` returns how many bytes the upstream has written. */
function endlessFile(written: { bytes: number }): Script {
  return async (request) => {
    await request.completed;
    request.write(toHead("200 OK", [`Content-Length: ${200 * 1024 ** 2}`]));
    const { socket } = request.connection;
    const block = Buffer.alloc(64 * 1024);
    const pump = (): void => {
      while (!socket.destroyed && written.bytes < 200 * 1024 ** 2) {
        written.bytes += block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.on("drain", pump);
    pump();
    await request.connection.closed;
  };
}

// The drain limits are out of reach, so a response that waited for the body would never come.
const PATIENT = "head: { mode: convert, drain: { bytes: 1GiB, time: 1h } }";

test("a HEAD gets its response at the header section, and so does the next request on that connection, while the body is still to come", async (t) => {
  const never = new Promise(() => {});
  const late = slow("x".repeat(2_000), never);
  const origin = await startOrigin(t, (request) =>
    request.target === "/late" ? late(request) : text("ok")(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PATIENT });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /late") + toRequest("HEAD /late") + toRequest("GET /next"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  for (const { socket } of origin.connections) socket.destroy();
});

test("with the default limits too, a HEAD gets its response, and the next request its own, before the body", async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const origin = await startOrigin(t, (request) =>
    request.target === "/late" ? slow("late", released)(request) : text("ok")(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /late"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  wire.write(toRequest("GET /next"));
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  release();
});

test("a HEAD of 200 MB gets its response at once, little of it is read, and the upstream connection is closed", async (t) => {
  const written = { bytes: 0 };
  const file = endlessFile(written);
  const origin = await startOrigin(t, (request) =>
    request.target === "/file" ? file(request) : text("ok")(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /file"));
  const answer = await wire.readResponse("HEAD");
  assert.ok(answer.lines.includes(`Content-Length: ${200 * 1024 ** 2}`));
  wire.write(toRequest("GET /next"));
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  await (
    await origin.connection(0)
  ).closed;
  // Bytes that the kernel's buffers on both sides took, not bytes that headgate read.
  assert.ok(written.bytes < 20 * 1024 ** 2, `${written.bytes} bytes`);
});

test("a HEAD of an event stream gets its response at once and its upstream connection is closed, with any drain limits", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/events" ? sse()(request) : text("ok")(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PATIENT });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /events") + toRequest("HEAD /events") + toRequest("GET /next"));
  const answer = await wire.readResponse("HEAD");
  assert.ok(answer.lines.includes("Content-Type: text/event-stream"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  await (
    await origin.connection(0)
  ).closed;
  await (
    await origin.connection(1)
  ).closed;
});

test("a client that disconnects right after its HEAD's response disturbs no other request", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (let round = 0; round < 20; round += 1) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("HEAD /"));
    assert.equal((await wire.readResponse("HEAD")).status, 200);
    wire.reset();
  }
  assert.equal(origin.connections.length, 1);
});
