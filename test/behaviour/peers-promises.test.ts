// Promises of the maintained successors of http-proxy in their own test suites, if they concern a sidecar and no other test here covers
// them: our own cases, against headgate.

import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { MEBIBYTE, pour } from "../support/flood.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a refusal in the middle of an upload of 8 MB reaches the client, and the next request is served", async (t) => {
  const origin = await startOrigin(t, (request) => {
    if (request.method === "GET") return text("ok")(request);
    request.write(`${toHead("413 Content Too Large", ["Content-Length: 9"])}too large`);
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(toRequest("POST /big", [`Content-Length: ${8 * MEBIBYTE}`]));
  await pour(client.socket, 8 * MEBIBYTE);
  client.write(toRequest("GET /small"));
  assert.equal((await client.readResponse()).status, 413);
  assert.equal((await client.readResponse()).body.toString(), "ok");
});

test("several Set-Cookie fields stay several, in their order", async (t) => {
  const cookies = ["a=1; Expires=Wed, 09 Jun 2031 10:18:14 GMT", "b=2", "a=3"];
  const origin = await startOrigin(
    t,
    text(
      "ok",
      cookies.map((cookie) => `Set-Cookie: ${cookie}`),
    ),
  );
  const { port } = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD"]) {
    const answer = await sendRequest(t, port, toRequest(`${method} /`));
    assert.deepEqual(fieldValues(answer, "set-cookie"), cookies);
  }
});

test("a redirect's Location is the upstream's, and headgate does not follow it", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("302 Found", ["Location: http://127.0.0.1:1/x", "Content-Length: 0"]));
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD", "POST"]) {
    const answer = await sendRequest(t, port, toRequest(`${method} /`));
    assert.equal(answer.status, 302);
    assert.deepEqual(fieldValues(answer, "location"), ["http://127.0.0.1:1/x"]);
  }
  assert.equal(origin.arrivals.length, 3);
});

test("a client that gives up on an upstream that never responds ends only its own request", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/silent" ? undefined : text("ok")(request),
  );
  const { port } = await startSidecar(t, { upstream: origin.url });
  for (const leave of ["destroy", "resetAndDestroy", "end"] as const) {
    for (const fields of [[], ["Connection: Upgrade", "Upgrade: websocket"]]) {
      // A FIN after a complete request is no disconnect: its response is still due. One after a request to switch protocols is.
      if (leave === "end" && fields.length === 0) continue;
      const seen = origin.arrivals.length;
      const client = await openWire(t, port);
      client.write(toRequest("GET /silent", fields));
      const arrival = await origin.arrival(seen);
      client.socket[leave]();
      await arrival.connection.closed;
      assert.equal((await sendRequest(t, port, toRequest("GET /"))).body.toString(), "ok");
    }
  }
});

test("a response without content that closes its connection is no failure", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Connection: close", "Content-Length: 0"]));
    request.end();
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD", "DELETE"]) {
    const answer = await sendRequest(t, port, toRequest(`${method} /`));
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
  }
});
