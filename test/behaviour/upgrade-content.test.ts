/**
 * An upgrade whose request has content (RFC 9110 §7.8): the content is sent first, then the protocol is switched.
 *
 * Symptom: `docker exec`, `docker attach -i` and other clients that POST content with `Upgrade: tcp` failed with "unable to upgrade to
 * tcp, received 200". Root cause: a request with content was served as if it had no Upgrade. Fix: it is sent with its Upgrade field and its
 * content; a 101 counts once the content has left.
 */

import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { type ByteReader, fieldValues } from "../support/message.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { UPGRADE, untilGauges } from "../support/upgrade.ts";
import { type Wire, openWire } from "../support/wire.ts";

const START = UPGRADE.replace("GET /chat", "POST /exec/1/start").replaceAll("foo/2", "tcp");
const SWITCHED = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\n\r\n";
const FRAMINGS = [
  ["Content-Length: 5", "hello"],
  ["Transfer-Encoding: chunked", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
] as const;
const LENGTH = toStart("Content-Length: 5");

function toStart(line: string): string {
  return START.replace("Connection", `${line}\r\nConnection`);
}

for (const [framing, content] of FRAMINGS) {
  test(`content is sent upstream, then the 101 comes, then bytes pass both ways: ${framing}`, async (t) => {
    const tunnels: ByteReader[] = [];
    const origin = await startOrigin(t, (request) => void tunnels.push(request.takeOver()));
    const { port, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(`${toStart(framing)}${content}early,`);
    const arrival = await origin.arrival(0);
    const [tunnel = assert.fail()] = tunnels;
    assert.equal((await arrival.completed).body.toString(), "hello");
    await exchangeHints(client, arrival);
    assert.equal(tunnel.unread().length, 0, "no byte of the tunnel before the 101");
    arrival.write(`${SWITCHED}first,`);
    const response = await client.readResponse();
    assert.deepEqual([response.status, response.reason], [101, "UPGRADED"]);
    assert.deepEqual(fieldValues(response, "upgrade"), ["tcp"]);
    client.write("later");
    assert.equal((await tunnel.take(11)).toString(), "early,later");
    arrival.write("last");
    assert.equal((await client.bytes.take(10)).toString(), "first,last");
    client.halfClose();
    arrival.end();
    assert.equal((await line((one) => one["url.path"] === "/exec/1/start"))["msg"], "tunnel");
    assert.deepEqual(fieldValues(arrival, "connection"), ["Upgrade"]);
    assert.deepEqual(fieldValues(arrival, "upgrade"), ["tcp"]);
    assert.ok(arrival.lines.includes(framing));
  });

  test(`a refusal is an ordinary response, and bytes after the content are no request: ${framing}`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      const { body } = await request.completed;
      await text(`no ${body.toString()}`)(request);
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(`${toStart(framing)}${content}GET /behind HTTP/1.1\r\nHost: a\r\n\r\n`);
    const response = await client.readResponse();
    assert.deepEqual([response.status, response.body.toString()], [200, "no hello"]);
    assert.deepEqual(fieldValues(response, "connection"), ["close"]);
    assert.equal((await client.bytes.takeAll()).length, 0);
    const next = await openWire(t, port);
    next.write("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await next.readResponse()).body.toString(), "no ");
    assert.deepEqual(
      origin.arrivals.map(({ target }) => target),
      ["/exec/1/start", "/next"],
    );
    assert.equal(origin.connections.length, 1, "the upstream's connection goes on");
  });
}

// RFC 9110 §7.8: a client cannot change the protocol in the middle of its request, with any response of the upstream.
test("a 101 that comes before the content is complete waits for it", async (t) => {
  for (const [framing, content] of FRAMINGS) {
    const origin = await startOrigin(t, async (request) => {
      const bytes = request.takeOver();
      request.write(`${SWITCHED}first,`);
      const { body } = await request.completed;
      assert.equal(body.toString(), "hello");
      assert.equal((await bytes.take(4)).toString(), "more");
      request.write("last");
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(toStart(framing) + content.slice(0, -1));
    await origin.arrival(0);
    client.write(`${content.slice(-1)}more`);
    assert.equal((await client.readResponse()).status, 101);
    assert.equal((await client.bytes.take(10)).toString(), "first,last");
    client.reset(); // an open tunnel would delay headgate's stop
  }
});

const STALLED: Readonly<Record<string, (request: Arrival) => void>> = {
  "asks for an upgrade": () => undefined,
  "waits behind an early 101": (request) => {
    request.takeOver();
    request.write(SWITCHED);
  },
};
for (const [what, script] of Object.entries(STALLED)) {
  test(`an upload that ${what} and then stalls is 408, and no tunnel`, async (t) => {
    const origin = await startOrigin(t, script);
    const { port, adminPort } = await startSidecar(t, {
      yaml: `upstream: { url: "${origin.url}", idleTimeout: 200ms }`,
    });
    const client = await openWire(t, port);
    client.write(`${LENGTH}he`);
    assert.equal((await client.readResponse()).status, 408);
    await (
      await origin.connection(0)
    ).closed;
    await untilGauges(adminPort, { headgate_tunnels: 0, headgate_requests_in_flight: 0 });
  });
}

test("an upstream that disconnects after its early 101 is 502 to the client", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(SWITCHED);
    request.reset();
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(`${LENGTH}he`);
  await (
    await origin.connection(0)
  ).closed;
  client.write("llo");
  assert.equal((await client.readResponse()).status, 502);
});

test("a refusal before the content ends the upload", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write(toHead("403 Forbidden", ["Content-Length: 2"]) + "no");
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(`${LENGTH}he`);
  const response = await client.readResponse();
  assert.deepEqual([response.status, response.body.toString()], [403, "no"]);
  client.write("lloGET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.bytes.takeAll()).length, 0);
  await (
    await origin.connection(0)
  ).closed;
  assert.equal(origin.arrivals.length, 1);
});

// RFC 9110 §7.8: with both fields, the 100 comes before the 101.
test("a client that expects 100 gets it before the 101", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    request.takeOver();
    if (fieldValues(request, "expect").length > 0) request.write("HTTP/1.1 100 Continue\r\n\r\n");
    const { body } = await request.completed;
    assert.equal(body.toString(), "hello");
    request.write(SWITCHED);
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(toStart("Expect: 100-continue\r\nContent-Length: 5"));
  assert.equal((await client.readResponse()).status, 100);
  client.write("hello");
  assert.equal((await client.readResponse()).status, 101);
  client.reset();
});

test("a 101 for a client that still waits for its 100 is 502", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(SWITCHED);
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(toStart("Expect: 100-continue\r\nContent-Length: 5"));
  assert.equal((await client.readResponse()).status, 502);
  await (
    await origin.connection(0)
  ).closed;
});

test("an upgrade with content takes a connection of the pool, and is refused if there is none", async (t) => {
  const origin = await startOrigin(t, switchProtocol);
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", maxConnections: 1 }\nlimits: { waiting: 0 }`,
    expectsErrors: true,
  });
  const [first, second] = [await openWire(t, port), await openWire(t, port)];
  first.write(`${LENGTH}hello`);
  assert.equal((await first.readResponse()).status, 101);
  second.write(`${LENGTH}hello`);
  assert.equal((await second.readResponse()).status, 503);
  first.reset();
});

// A backend may ignore the Upgrade field of an upload, and then takes as long for it as for any other upload.
test("the response has the upstream's responseTimeout, from the end of the content, not timeouts.upgrade", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    request.takeOver();
    await request.completed;
    if (request.target === "/slow") setTimeout(() => request.write(SWITCHED), 300);
  });
  const routes = "routes: [{ path: /silent, responseTimeout: 200ms }]";
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: `timeouts: { upgrade: 100ms }\n${routes}`,
    expectsErrors: true,
  });
  for (const [target, status] of [
    ["/slow", 101],
    ["/silent", 504],
  ] as const) {
    const client = await openWire(t, port);
    client.write(`${LENGTH.replace("/exec/1/start", target)}hello`);
    assert.equal((await client.readResponse()).status, status, target);
    client.reset();
  }
});

test("an upgrade with content is never sent twice, with any method", async (t) => {
  for (const method of ["GET", "OPTIONS", "POST", "PUT"]) {
    const origin = await startOrigin(t, async (request) => {
      if (request.target === "/first") return text("ok")(request);
      await request.completed;
      request.connection.socket.destroy();
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readResponse()).status, 200);
    client.write(`${LENGTH.replace("POST", method)}hello`);
    assert.equal((await client.readResponse()).status, 502);
    assert.equal(origin.arrivals.length, 2, method);
  }
});

test("a client that disconnects in the middle of the content frees the upstream", async (t) => {
  for (const leave of ["halfClose", "reset"] as const) {
    const origin = await startOrigin(t, () => undefined);
    const { port, adminPort, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(`${LENGTH}he`);
    await origin.arrival(0);
    client[leave]();
    await (
      await origin.connection(0)
    ).closed;
    assert.equal((await line((one) => one["url.path"] !== undefined))["error.type"], "client_gone");
    await untilGauges(adminPort, { headgate_tunnels: 0, headgate_requests_in_flight: 0 });
  }
});

async function switchProtocol(request: Arrival): Promise<void> {
  request.takeOver();
  await request.completed;
  request.write(SWITCHED);
}

/** Three interim responses to the client: by then headgate has read everything that either side had sent before. */
async function exchangeHints(client: Wire, request: Arrival): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    request.write(HINTS);
    assert.equal((await client.readResponse()).status, 103);
  }
}
