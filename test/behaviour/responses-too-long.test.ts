// Bytes after a response belong neither to this client nor to the next one (RFC 9112 §6.3, §9.2).

import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const EVIL = `${toHead("200 OK", ["Content-Length: 4"])}evil`;

/** A method and a response to it that is followed by a complete unsolicited one. */
const RESPONSES: Readonly<Record<string, readonly [method: string, answer: string]>> = {
  "an answer longer than its Content-Length": [
    "GET",
    `${toHead("200 OK", ["Content-Length: 2"])}ok${EVIL}`,
  ],
  "an answer behind its last chunk": [
    "GET",
    `${toHead("200 OK", ["Transfer-Encoding: chunked"])}2\r\nok\r\n0\r\n\r\n${EVIL}`,
  ],
  "a 204 with content": ["GET", `${toHead("204 No Content", [])}${EVIL}`],
  "a 204 that announces content": [
    "DELETE",
    `${toHead("204 No Content", ["Content-Length: 4"])}${EVIL}`,
  ],
  "a 304 with content": ["GET", `${toHead("304 Not Modified", ["Content-Length: 4"])}${EVIL}`],
  "a HEAD's answer with content, on a route that passes": [
    "HEAD",
    `${toHead("200 OK", ["Content-Length: 4"])}${EVIL}`,
  ],
};

for (const [what, [method, answer]] of Object.entries(RESPONSES)) {
  test(`${what}: its client gets its own part, and the next one another connection`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      if (request.target === "/next") return text("ok")(request);
      request.write(answer);
    });
    const yaml = "routes: [{ path: /x, head: pass }]";
    const { port } = await startSidecar(t, { upstream: origin.url, yaml });
    const client = await openWire(t, port);
    client.write(toRequest(`${method} /x`));
    const first = await client.readResponse(method);
    assert.ok(first.status < 400, first.start);
    assert.doesNotMatch(first.body.toString(), /evil/);
    for (const wire of [client, await openWire(t, port)]) {
      wire.write(toRequest("GET /next"));
      assert.equal((await wire.readResponse()).body.toString(), "ok");
      assert.equal(wire.bytes.unread().length, 0);
    }
    for (const { target, connection } of origin.arrivals)
      assert.ok(target !== "/next" || connection.number !== origin.arrivals[0]?.connection.number);
  });
}

test("a folded field of a response reaches the client on one line, or not at all", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write("HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok");
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(toRequest("GET /"));
  const answer = await client.readResponse(); // the reader refuses a line that is no field
  if (answer.status !== 502) assert.ok(answer.lines.some((line) => /^X-A: a +b$/.test(line)));
});
