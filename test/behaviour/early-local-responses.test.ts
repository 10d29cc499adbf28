// A response of headgate's own that is sent before the content has arrived: later bytes are that content, and never a request.

import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { MEBIBYTE, pour } from "../support/flood.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const SMUGGLED = toRequest("GET /smuggled");
const FRAMINGS: readonly (readonly [framing: string, content: string])[] = [
  [`Content-Length: ${SMUGGLED.length}`, SMUGGLED],
  ["Transfer-Encoding: chunked", `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`],
];

/** The route file, the request, and the status of headgate's own response. */
const EARLY: Readonly<Record<string, readonly [yaml: string, start: string, status: number]>> = {
  "an upstream that is not there": ["", "POST /nobody", 502],
  "a full queue": ["limits: { waiting: 0 }", "POST /busy", 503],
  "a HEAD that the route rejects": ["", "HEAD /rejected", 405],
  "an OPTIONS that is addressed here": ["", "OPTIONS *", 204],
};

for (const [what, [yaml, start, status]] of Object.entries(EARLY)) {
  for (const [framing, content] of FRAMINGS) {
    test(`content after the early response to ${what} is no request (${framing})`, async (t) => {
      const origin = await startOrigin(t, (request) =>
        request.target === "/held" ? undefined : text("ok")(request),
      );
      const routes = [
        "{ path: /nobody, upstream: unix:/nowhere }",
        "{ path: /rejected, head: reject }",
        "{ path: /busy, upstream: one }",
        "{ path: /held, upstream: one }",
      ];
      const sidecar = await startSidecar(t, {
        upstream: origin.url,
        yaml: `upstreams: { one: { url: "${origin.url}", maxConnections: 1 } }\nroutes: [${routes.join(", ")}]\n${yaml}`,
        expectsErrors: true,
      });
      const holder = await openWire(t, sidecar.port);
      holder.write(toRequest("GET /held"));
      await origin.arrival(0);

      const client = await openWire(t, sidecar.port);
      client.write(toRequest(start, [framing]));
      const [method = ""] = start.split(" ");
      assert.equal((await client.readResponse(method)).status, status);
      client.write(content + toRequest("GET /next"));
      assert.equal((await client.readResponse()).body.toString(), "ok");
      assert.equal(client.bytes.unread().length, 0);
      assert.deepEqual(
        origin.arrivals.map(({ target }) => target),
        ["/held", "/next"],
      );
      holder.reset();
    });
  }
}

// Symptom: after an early 502 or 503 an upload of more than 64 KiB stalled, and half a minute later it was reset together with its
// response.
// Root cause: content that was not to be sent upstream kept its bytes and stopped the client. Fix: it is discarded with the response.
test("a client that reads only after its upload finds the early response, and its connection stays usable", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/held" ? undefined : text("ok")(request),
  );
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: [
      `upstreams: { one: { url: "${origin.url}", maxConnections: 1 } }`,
      "limits: { waiting: 0 }",
      "routes: [{ path: /nobody, upstream: unix:/nowhere }, { path: /busy, upstream: one }, { path: /held, upstream: one }]",
    ].join("\n"),
    expectsErrors: true,
  });
  const holder = await openWire(t, port);
  holder.write(toRequest("GET /held"));
  await origin.arrival(0);
  for (const [target, status] of [
    ["/nobody", 502],
    ["/busy", 503],
  ] as const) {
    const client = await openWire(t, port);
    client.write(toRequest(`POST ${target}`, [`Content-Length: ${4 * MEBIBYTE}`]));
    await pour(client.socket, 4 * MEBIBYTE);
    client.write(toRequest("GET /next"));
    assert.equal((await client.readResponse()).status, status);
    assert.equal((await client.readResponse()).body.toString(), "ok");
  }
  holder.reset();
});

test("bytes after a refused upgrade never reach the upstream and get no response", async (t) => {
  for (const status of ["200 OK", "403 Forbidden", "426 Upgrade Required"]) {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(toHead(status, ["Content-Length: 0"]));
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    const fields = ["Connection: Upgrade", "Upgrade: websocket"];
    client.write(toRequest("GET /ws", fields) + SMUGGLED);
    assert.equal((await client.readResponse()).reason, status.slice(4));
    client.halfClose();
    assert.equal((await client.bytes.takeAll()).length, 0);
    assert.deepEqual(
      origin.arrivals.map(({ target }) => target),
      ["/ws"],
    );
  }
});
