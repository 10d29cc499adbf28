/** An upstream that disconnects in the middle of its response: the client's part is visibly truncated, never complete. */

import assert from "node:assert/strict";
import test from "node:test";
import { toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

const leavings: Readonly<Record<string, (request: Arrival) => void>> = {
  "a FIN": (request) => request.end(),
  "a reset": (request) => request.reset(),
};

const responses: Readonly<Record<string, string>> = {
  "with a length": `${toHead("200 OK", ["Content-Length: 100000"])}the beginning`,
  "with a length, one byte short": `${toHead("200 OK", ["Content-Length: 14"])}the beginning`,
  "with a length, before any content": toHead("200 OK", ["Content-Length: 5"]),
  chunked: toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("the beginning"),
  "chunked, before the last chunk's end": `${toHead("200 OK", ["Transfer-Encoding: chunked"])}${toChunk("the beginning")}0\r\n`,
  "chunked, in the middle of a chunk": `${toHead("200 OK", ["Transfer-Encoding: chunked"])}fff\r\nthe beginning`,
  "chunked, before any content": toHead("200 OK", ["Transfer-Encoding: chunked"]),
};

for (const [kind, answer] of Object.entries(responses)) {
  for (const version of ["1.1", "1.0"]) {
    test(`a truncated response ${kind} is truncated for an HTTP/${version} client`, async (t) => {
      for (const [ending, leave] of Object.entries(leavings)) {
        const origin = await startOrigin(t, async (request) => {
          await request.completed;
          request.write(answer);
        });
        const sidecar = await startSidecar(t, { upstream: origin.url });
        const client = await openWire(t, sidecar.port);
        client.write(`GET /x HTTP/${version}\r\nHost: a\r\n\r\n`);
        const arrival = await origin.arrival(0);
        await client.bytes.take("HTTP/1.1 200 OK");
        leave(arrival);
        await assertBroken(client, ending);
        const line = await sidecar.line(
          (each) => each["error.type"] === "http_response_incomplete",
        );
        assert.equal(line["http.response.status_code"], 200);
      }
    });
  }
}

test("an upstream whose content is not chunked as announced truncates the response", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(
      `${toHead("200 OK", ["Transfer-Encoding: chunked"])}${toChunk("the beginning")}zz\r\n`,
    );
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.bytes.take("HTTP/1.1 200 OK");
  await assertBroken(client, "by a bad chunk");
});

test("an upstream that disconnects in the middle of its header section is 502", async (t) => {
  for (const start of ["HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200", "H"]) {
    for (const [ending, leave] of Object.entries(leavings)) {
      const origin = await startOrigin(t, async (request) => {
        await request.completed;
        // The bytes are to arrive before a reset does.
        request.connection.socket.write(start, () => setImmediate(() => leave(request)));
      });
      const { port } = await startSidecar(t, { upstream: origin.url });
      const client = await openWire(t, port);
      client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
      const answer = await client.readResponse();
      assert.equal(answer.status, 502, `${start} ${ending}`);
      assert.match(fieldValues(answer, "proxy-status")[0] ?? "", /^headgate; error=/);
    }
  }
});

test("an upstream that disconnects while the client still uploads is 502, and the next request is served", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    if (request.target === "/fine") request.write(`${toHead("200 OK", ["Content-Length: 2"])}ok`);
    else request.reset();
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome");
  assert.equal((await client.readResponse()).status, 502);
  const next = await openWire(t, port);
  next.write("GET /fine HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await next.readResponse()).body.toString(), "ok");
});

/** Reads all bytes: the connection has to end, and its bytes must not look like a complete message. */
async function assertBroken(client: Wire, ending: string): Promise<void> {
  const how = await client.closed;
  const rest = client.bytes.unread().toString("latin1");
  const [fields = "", content = ""] = rest.split("\r\n\r\n", 2);
  const length = /content-length: (\d+)/i.exec(fields)?.[1];
  if (length !== undefined) assert.ok(content.length < Number(length), ending);
  else if (/transfer-encoding: chunked/i.test(fields))
    assert.ok(!rest.endsWith("0\r\n\r\n"), ending);
  // If neither a length nor chunks show the size, only a reset can show the truncation.
  else assert.equal(how, "reset", ending);
}
