// limits.connections: a client beyond it gets an HTTP error, and the connections before it are served.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire, type Wire } from "../support/wire.ts";

const GET = toRequest("GET /");

test("a request on a connection beyond limits.connections is 503 at once, and the ones before it are served", async (t) => {
  const { port, origin, served } = await startFull(t);
  const requests = [
    ["GET", GET],
    ["HEAD", toRequest("HEAD /")],
    ["POST", toRequest("POST /", ["Content-Length: 1000000"], "begun")],
    ["GET", toRequest("GET /", ["Connection: Upgrade", "Upgrade: websocket"])],
  ] as const;
  for (const [method, bytes] of requests) {
    const seen = origin.arrivals.length;
    const one = await openWire(t, port);
    one.write(bytes + (method === "POST" ? "" : GET)); // bytes after it are not processed
    const answer = await one.readResponse(method);
    assert.equal(answer.status, 503, bytes);
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    assert.deepEqual(fieldValues(answer, "retry-after"), ["1"]);
    const [proxyStatus = ""] = fieldValues(answer, "proxy-status");
    assert.match(proxyStatus, /^headgate; error=connection_limit_reached(?:$|; details=)/);
    assert.equal(await one.closed, "end");
    assert.equal(one.bytes.unread().length, 0);
    one.reset();
    assert.equal(origin.arrivals.length, seen, "nothing of it went up");
    await assertServed(served);
  }
});

test("a refused connection leaves a line with its method, path and error", async (t) => {
  const { port, line } = await startFull(t);
  const one = await openWire(t, port);
  one.write(toRequest("GET /refused?token=s3cret"));
  await one.readResponse();
  const logged = await line((each) => each["error.type"] === "connection_limit_reached");
  assert.equal(logged["url.path"], "/refused");
  assert.equal(logged["http.response.status_code"], 503);
});

test("a free slot goes to the next request, even on a connection that has waited for it", async (t) => {
  const { port, served } = await startFull(t);
  const waiting = await openWire(t, port);
  served[0]?.write(toRequest("GET /last", ["Connection: close"]));
  await served[0]?.readResponse();
  await served[0]?.closed;
  served[0]?.socket.destroy();
  await assertServed([waiting]);
  const refused = await openWire(t, port);
  refused.write(GET);
  assert.equal((await refused.readResponse()).status, 503);
});

test("connections far beyond the limit are closed as they come, and the ones within it are served", async (t) => {
  const { port, served } = await startFull(t);
  const crowd = await Promise.all(Array.from({ length: 100 }, () => openWire(t, port)));
  await Promise.race(crowd.map(({ closed }) => closed));
  await assertServed(served);
  const isOpen = await Promise.all(
    crowd.map(({ closed }) => Promise.race([closed.then(() => false), soon()])),
  );
  assert.equal(isOpen.filter(Boolean).length, 64, "those that are heard are bounded");
});

test("with a full proxy the admin port still responds", async (t) => {
  const { port, adminPort } = await startFull(t);
  await Promise.all(Array.from({ length: 70 }, () => openWire(t, port)));
  const probe = await openWire(t, adminPort);
  probe.write(toRequest("GET /readyz"));
  assert.equal((await probe.readResponse()).status, 200);
});

test("a client that holds connections to the admin port cannot lock out a probe", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const held = await Promise.all(Array.from({ length: 200 }, () => openWire(t, adminPort)));
  for (const one of held) one.write("GET /readyz HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  const probe = await openWire(t, adminPort);
  probe.write(toRequest("GET /readyz"));
  assert.equal((await probe.readResponse()).status, 200);
});

/** Two slots, both taken by connections that were served and are idle. */
async function startFull(t: TestContext) {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "limits: { connections: 2 }",
    expectsErrors: true,
  });
  const served = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  await assertServed(served);
  return { ...sidecar, origin, served };
}

async function assertServed(wires: readonly Wire[]): Promise<void> {
  for (const wire of wires) {
    wire.write(GET);
    assert.equal((await wire.readResponse()).status, 200);
  }
}

/** True when the sockets have got everything that headgate sends them. */
async function soon(): Promise<true> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  return true;
}
