/** A client that disconnects ends its upstream request at once, in any state of the exchange. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, createServer } from "node:net";
import test from "node:test";
import { setTimeout } from "node:timers/promises";
import { chunked, sse, text, toChunk, toHead } from "../support/responses.ts";
import { listenOn } from "../support/listen.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

/** How long a busy machine may take. Without the abort it would take until a timeout, which is a minute at least, or for ever. */
const PATIENCE_MS = 20_000;

const leavings: Readonly<Record<string, (client: Wire) => void>> = {
  "by a reset": (client) => client.reset(),
  "by closing": (client) => void client.socket.destroy(),
};

const moments: Readonly<
  Record<
    string,
    { script: Script; request: string; isUnderWay: (client: Wire) => Promise<unknown> }
  >
> = {
  "while it waits for an answer": {
    script: () => undefined,
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    isUnderWay: () => Promise.resolve(),
  },
  "while its HEAD waits for an answer": {
    script: () => undefined,
    request: "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n",
    isUnderWay: () => Promise.resolve(),
  },
  "in the middle of a download": {
    script: (request) => request.write(`${toHead("200 OK", ["Content-Length: 1000"])}some`),
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    isUnderWay: (client) => client.bytes.take("some"),
  },
  "in the middle of a chunked download": {
    script: (request) =>
      request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("some")),
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    isUnderWay: (client) => client.bytes.take("some"),
  },
  "in an event stream": {
    script: sse(),
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    isUnderWay: (client) => client.bytes.take("tick"),
  },
  "in the middle of an upload": {
    script: () => undefined,
    request: "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome",
    isUnderWay: () => Promise.resolve(),
  },
  "in the middle of a chunked upload": {
    script: () => undefined,
    request: "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n",
    isUnderWay: () => Promise.resolve(),
  },
  "after its upload, while it waits for an answer": {
    script: () => undefined,
    request: "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsome",
    isUnderWay: () => Promise.resolve(),
  },
};

for (const [moment, { script, request, isUnderWay }] of Object.entries(moments)) {
  test(`a client that leaves ${moment} ends the upstream request`, async (t) => {
    for (const [how, leave] of Object.entries(leavings)) {
      const origin = await startOrigin(t, script);
      const sidecar = await startSidecar(t, { upstream: origin.url });
      const client = await openWire(t, sidecar.port);
      client.write(request);
      const { connection } = await origin.arrival(0);
      await isUnderWay(client);
      leave(client);
      await assertEnded(connection, how);
      const line = await sidecar.line((each) => each["error.type"] === "client_gone");
      assert.equal(line["http.request.method"], request.split(" ")[0]);
    }
  });
}

test("a client that does not read its download and leaves ends the upstream request", async (t) => {
  const origin = await startOrigin(t, chunked(["x".repeat(30_000_000)]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, sidecar.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readHead();
  client.pause();
  const { connection } = await origin.arrival(0);
  client.reset();
  await assertEnded(connection, "by a reset");
});

test("a client that leaves while the upstream is being connected ends that attempt", async (t) => {
  // The upstream does not respond to the TLS handshake, so the connection is never established.
  const server = createServer((socket) => void socket.resume().on("error", () => undefined));
  const upstreamPort = await listenOn(t, server);
  const yaml = `upstream: { url: "https://127.0.0.1:${upstreamPort}", connectTimeout: 1m }`;
  const { port } = await startSidecar(t, { yaml });
  const connected = once(server, "connection") as Promise<[Socket]>;
  const client = await openWire(t, port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const [socket] = await connected;
  t.after(() => void socket.destroy());
  const closed = once(socket, "close");
  client.reset();
  await assertEnded({ closed }, "by a reset");
});

test("one client that leaves does not disturb another", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/gone" ? undefined : text("ok")(request),
  );
  const { port } = await startSidecar(t, { upstream: origin.url });
  const staying = await openWire(t, port);
  for (let turn = 0; turn < 20; turn += 1) {
    const leaving = await openWire(t, port);
    leaving.write("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    staying.write("GET /stay HTTP/1.1\r\nHost: a\r\n\r\n");
    leaving.reset();
    assert.equal((await staying.readResponse()).body.toString(), "ok");
  }
});

async function assertEnded(
  connection: { readonly closed: Promise<unknown> },
  how: string,
): Promise<void> {
  const waiting = new AbortController();
  const tooLate = setTimeout(PATIENCE_MS, "open", { signal: waiting.signal, ref: false });
  const end = await Promise.race([connection.closed.then(() => "closed"), tooLate]);
  waiting.abort();
  assert.equal(end, "closed", how);
}
