/** Connections are reused on both sides, and no client notices when the upstream silently closes its own. */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

test("a hundred requests of one client take one connection to the upstream", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 100; turn += 1) {
    client.write(GET);
    assert.equal((await client.readResponse()).status, 200);
  }
  assert.equal(origin.connections.length, 1);
});

test("a GET never fails because the upstream silently closes idle connections", async (t) => {
  // The upstream responds and closes at once: the FIN, or the reset in response to the next request, races with that request.
  for (const leave of ["end", "reset"] as const) {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.connection.socket.write(`${toHead("200 OK", ["Content-Length: 2"])}ok`, () =>
        request[leave](),
      );
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    for (let turn = 0; turn < 50; turn += 1) {
      client.write(GET);
      const answer = await client.readResponse();
      assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"], `${leave} ${turn}`);
    }
  }
});

test("keepAlive closes an upstream connection that was idle for so long", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", keepAlive: 100ms }`,
  });
  const client = await openWire(t, port);
  // Before the request: on a busy machine, the client may read the response when half of the limit is over.
  const sentMs = performance.now();
  client.write(GET);
  await client.readResponse();
  await (
    await origin.connection(0)
  ).closed;
  const openMs = performance.now() - sentMs;
  assert.ok(openMs >= 99, `after ${openMs} ms`); // a timer may be a millisecond early
  client.write(GET);
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(origin.connections.length, 2);
});

test("with keepAlive: 0s each request has a connection of its own", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", keepAlive: 0s }`,
  });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 3; turn += 1) {
    client.write(GET);
    assert.equal((await client.readResponse()).status, 200);
    await (
      await origin.connection(turn)
    ).closed;
  }
  assert.equal(origin.connections.length, 3);
});

test("a connection on which the upstream sent Connection: close is not reused", async (t) => {
  const origin = await startOrigin(t, text("ok", ["Connection: close"]));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 3; turn += 1) {
    client.write(GET);
    const answer = await client.readResponse();
    assert.equal(answer.status, 200);
    assert.deepEqual(
      fieldValues(answer, "connection"),
      ["keep-alive"],
      "the client's connection is another matter",
    );
  }
  assert.equal(origin.connections.length, 3);
});

test("an upstream connection with unsolicited bytes is not reused, and no client gets these bytes", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await text("ok")(request);
    if (request.connection.number > 1) return;
    // In a write of its own, after headgate has the response.
    setImmediate(() =>
      setImmediate(() => request.write(`${toHead("200 OK", ["Content-Length: 4"])}evil`)),
    );
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(GET);
  assert.equal((await client.readResponse()).body.toString(), "ok");
  await (
    await origin.connection(0)
  ).closed;
  client.write(GET);
  assert.equal((await client.readResponse()).body.toString(), "ok");
  assert.equal((await origin.arrival(1)).connection.number, 2);
});

test("a client gets the keep-alive time of its connection: 75 s unless the route file sets it", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  for (const [yaml, seconds] of [
    ["", 75],
    ["timeouts: { keepAlive: 20s }", 20],
  ] as const) {
    const { port } = await startSidecar(t, { upstream: origin.url, yaml });
    const client = await openWire(t, port);
    client.write(GET);
    const answer = await client.readResponse();
    assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"]);
    assert.deepEqual(fieldValues(answer, "keep-alive"), [`timeout=${seconds}`]);
  }
});

test("a client that sends Connection: close, or speaks HTTP/1.0, has its connection closed after the response", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  for (const request of [
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /x HTTP/1.0\r\nHost: a\r\n\r\n",
  ]) {
    const client = await openWire(t, port);
    client.write(request);
    assert.equal((await client.readResponse()).status, 200);
    assert.equal(await client.closed, "end");
  }
});

test("an HTTP/1.0 client that sends keep-alive keeps its connection if the response has a length", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 2; turn += 1) {
    client.write("GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const answer = await client.readResponse();
    assert.equal(answer.body.toString(), "ok");
    assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"]);
  }
});
