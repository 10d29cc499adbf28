/** Requests beyond `maxConnections` wait for a connection; beyond `limits.waiting` they fail at once. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

test("requests beyond maxConnections wait their turn, first come first served", async (t) => {
  const { origin, ask } = await start(t, "maxConnections: 2", "waiting: 10");
  const clients: Wire[] = [];
  // One after the other, or their order would be the network's.
  for (const target of ["/0", "/1", "/2", "/3", "/4"]) clients.push(await ask(target));
  await origin.arrival(1);
  for (let index = 0; index < 5; index += 1) {
    finish(await origin.arrival(index));
    assert.ok(origin.arrivals.length <= index + 3, "no more than two at a time");
  }
  for (const client of clients) assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(
    origin.arrivals.map(({ target }) => target),
    ["/0", "/1", "/2", "/3", "/4"],
  );
  assert.equal(origin.connections.length, 2);
});

test("a request that finds the queue full is 503 connection_limit_reached at once", async (t) => {
  const { origin, ask, sidecar } = await start(t, "maxConnections: 1", "waiting: 1");
  const first = await ask("/first");
  const arrival = await origin.arrival(0);
  const second = await ask("/second");
  await sidecar.settled();
  const third = await ask("/third");
  const answer = await third.readResponse();
  assert.equal(answer.status, 503);
  assert.deepEqual(fieldValues(answer, "proxy-status"), [
    "headgate; error=connection_limit_reached",
  ]);
  assert.equal(fieldValues(answer, "retry-after").length, 1);
  assert.equal(origin.arrivals.length, 1);

  finish(arrival);
  finish(await origin.arrival(1));
  assert.equal((await first.readResponse()).status, 200);
  assert.equal((await second.readResponse()).status, 200);
});

test("with waiting: 0 no request waits", async (t) => {
  const { origin, ask } = await start(t, "maxConnections: 1", "waiting: 0");
  const first = await ask("/first");
  const arrival = await origin.arrival(0);
  assert.equal((await (await ask("/second")).readResponse()).status, 503);
  finish(arrival);
  assert.equal((await first.readResponse()).status, 200);
});

test("a client that leaves the queue is forgotten, and its slot is free at once", async (t) => {
  const { origin, ask, sidecar } = await start(t, "maxConnections: 1", "waiting: 1");
  const first = await ask("/first");
  const arrival = await origin.arrival(0);
  const leaving = await ask("/leaving");
  await sidecar.settled();
  leaving.reset();
  const line = await sidecar.line((each) => each["error.type"] === "client_gone");
  assert.equal(line["url.path"], "/leaving");
  const next = await ask("/next");
  await sidecar.settled();
  finish(arrival);
  finish(await origin.arrival(1));
  assert.equal((await first.readResponse()).status, 200);
  assert.equal((await next.readResponse()).status, 200);
  assert.deepEqual(
    origin.arrivals.map(({ target }) => target),
    ["/first", "/next"],
  );
});

test("an upload that waits is sent completely when it is its turn", async (t) => {
  const { origin, ask, sidecar } = await start(t, "maxConnections: 1", "waiting: 1");
  await ask("/first");
  const arrival = await origin.arrival(0);
  const uploading = await sidecar.connect();
  const content = "x".repeat(500_000);
  uploading.write(
    `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
  );
  await sidecar.settled();
  finish(arrival);
  const upload = await origin.arrival(1);
  assert.equal((await upload.completed).body.length, content.length);
  finish(upload);
  assert.equal((await uploading.readResponse()).status, 200);
});

test("a connection that breaks frees its slot for the next waiting request", async (t) => {
  const { origin, ask, sidecar } = await start(t, "maxConnections: 1", "waiting: 2");
  const first = await ask("/first");
  const arrival = await origin.arrival(0);
  const second = await ask("/second");
  await sidecar.settled();
  arrival.reset();
  assert.equal((await first.readResponse()).status, 502);
  finish(await origin.arrival(1));
  assert.equal((await second.readResponse()).status, 200);
});

test("when the upstream is gone, every waiting request gets an error", async (t) => {
  const sidecar = await startSidecar(t, {
    yaml: 'upstream: { url: "unix:/nowhere.sock", maxConnections: 1 }\nlimits: { waiting: 100 }',
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => openWire(t, sidecar.port)));
  for (const client of clients) client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const client of clients) assert.equal((await client.readResponse()).status, 502);
});

async function start(t: TestContext, connections: string, waiting: string) {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", ${connections} }\nlimits: { ${waiting} }`,
    expectsErrors: true, // a limit of headgate's own needs the operator's attention
  });
  const connect = (): Promise<Wire> => openWire(t, sidecar.port);
  // headgate reads its sockets in the order in which their bytes came: a response to a later request shows that all before are in.
  const settled = async (): Promise<void> => {
    const probe = await connect();
    probe.write("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    await probe.readResponse();
  };
  const ask = async (target: string): Promise<Wire> => {
    const client = await connect();
    client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await settled();
    return client;
  };
  return { origin, ask, sidecar: { ...sidecar, connect, settled } };
}

function finish(request: Arrival): void {
  request.write(toHead("200 OK", ["Content-Length: 0"]));
}
