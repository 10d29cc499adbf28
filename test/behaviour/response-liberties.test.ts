// Symptom: responses of old backends that nginx, HAProxy or Caddy pass on were 502.
// Root cause: headgate read responses as strictly as requests, even if a liberty has only one reading.
// Fix: such a response is read, and written in correct form; `strict: true` of an upstream or a route refuses it as before.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { respondWith, startDoor, startRawUpstream } from "../support/upgrade.ts";
import { type ReceivedResponse, type Wire, openWire } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

interface Meaning {
  readonly bytes: string;
  readonly reason?: string;
  /** The fields that the client gets, except for those of its own hop. */
  readonly lines: readonly string[];
  readonly body: string;
  readonly trailers?: readonly string[];
  readonly interim?: number;
}

/** Bytes of an upstream, and what a client gets for them. */
const LIBERTIES: Readonly<Record<string, Meaning>> = {
  "every line ended by a bare LF": {
    bytes: "HTTP/1.1 200 OK\nX-A: b\nSet-Cookie: c\nContent-Length: 2\n\nok",
    lines: ["X-A: b", "Set-Cookie: c", "Content-Length: 2"],
    body: "ok",
  },
  "an interim section of bare LFs": {
    bytes: `HTTP/1.1 103 Early Hints\nLink: </a>\n\n${OK}Content-Length: 2\r\n\r\nok`,
    lines: ["Content-Length: 2"],
    body: "ok",
    interim: 1,
  },
  "control characters in a value": {
    bytes: `${OK}X-A: \x01\x0bb\x1b[1m\x7f\r\nContent-Length: 2\r\n\r\nok`,
    lines: ["X-A: \x01\x0bb\x1b[1m\x7f", "Content-Length: 2"],
    body: "ok",
  },
  "a control character in the reason": {
    bytes: "HTTP/1.1 200 O\x1bK\r\nContent-Length: 2\r\n\r\nok",
    reason: "O\x1bK",
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  "bytes beyond ASCII in reason and value": {
    bytes: "HTTP/1.1 200 \xc3\xa9\xe9\r\nX-A: \xe9\xff\r\nContent-Length: 2\r\n\r\nok",
    reason: "\xc3\xa9\xe9",
    lines: ["X-A: \xe9\xff", "Content-Length: 2"],
    body: "ok",
  },
  "white space before a field's colon": {
    bytes: `${OK}X-A : b\r\nX-B\t: c : d\r\nContent-Length: 2\r\n\r\nok`,
    lines: ["X-A: b", "X-B: c : d", "Content-Length: 2"],
    body: "ok",
  },
  "an empty line before the status line": {
    bytes: `\r\n${OK}Content-Length: 2\r\n\r\nok`,
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  "an empty line after a 100": {
    bytes: `HTTP/1.1 100 Continue\r\n\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    lines: ["Content-Length: 2"],
    body: "ok",
    interim: 1,
  },
  "padded chunk sizes": {
    bytes: `${CHUNKED}1   \r\no\r\n1\t\r\nk\r\n0  \r\n\r\n`,
    lines: [],
    body: "ok",
  },
  "chunk extensions that are none": {
    bytes: `${CHUNKED}1;\r\no\r\n1 ;a="\r\nk\r\n0;;\r\n\r\n`,
    lines: [],
    body: "ok",
  },
  "trailers with liberties": {
    bytes: `${CHUNKED}2\r\nok\r\n0\r\nX-A : b\r\nX-B: \x01c\r\n\r\n`,
    lines: [],
    body: "ok",
    trailers: ["X-A: b", "X-B: \x01c"],
  },
  "Content-Length twice": {
    bytes: `${OK}Content-Length: 2\r\nX-A: b\r\ncontent-length: 2\r\n\r\nok`,
    lines: ["Content-Length: 2", "X-A: b"],
    body: "ok",
  },
  "a list of one Content-Length": {
    bytes: `${OK}Content-Length: 2, 2\r\n\r\nok`,
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  "HTTP/1.2": {
    bytes: "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  "more blanks in the status line": {
    bytes: "HTTP/1.1  200\tOK\r\nContent-Length: 2\r\n\r\nok",
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  // Symptom: the client got `HTTP/1.1 200  \tOK fine`. Root cause: only one blank after the status was removed. Fix: all of them are.
  "many blanks on both sides of the status": {
    bytes: "HTTP/1.1  \t200\t \tOK fine\r\nContent-Length: 2\r\n\r\nok",
    reason: "OK fine",
    lines: ["Content-Length: 2"],
    body: "ok",
  },
  "many blanks after the status": {
    bytes: "HTTP/1.1 200 \t OK  fine\r\nContent-Length: 2\r\n\r\nok",
    reason: "OK  fine",
    lines: ["Content-Length: 2"],
    body: "ok",
  },
};

/** Responses that both modes accept, and that are correct enough to be no liberty. */
const ORDINARY: ReadonlySet<string> = new Set([
  "bytes beyond ASCII in reason and value",
  "many blanks after the status",
]);

/** Routes: converted and passed HEADs, of an upstream that is lenient, one that is strict, and the other way round in a route. */
async function startBoth(t: TestContext, origin: Origin): Promise<Wire> {
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}" }
upstreams: { strict: { url: "${origin.url}", strict: true } }
routes:
  - { path: /passed, head: pass }
  - { path: /strict/*, upstream: strict }
  - { path: /strict/passed, upstream: strict, head: pass }
  - { path: /strict/not, upstream: strict, strict: false }
  - { path: /not/strict, strict: true }`,
  });
  return openWire(t, port);
}

/** Responds with these bytes, without the content for a HEAD, except on /next. */
function startUpstream(t: TestContext, bytes: string): Promise<Origin> {
  return startOrigin(t, async (request) => {
    await request.completed;
    if (request.target === "/next") return text("next")(request);
    request.write(request.method === "HEAD" ? toHeads(bytes) : bytes);
  });
}

/** The header sections alone, if they have an end. */
function toHeads(bytes: string): string {
  const [heads = bytes] = /^(?:\s*HTTP[^]*?(?:\r\n\r\n|\n\n))+/.exec(bytes) ?? [];
  return heads;
}

async function readFinal(wire: Wire, method: string): Promise<readonly [ReceivedResponse, number]> {
  for (let interim = 0; ; interim += 1) {
    const answer = await wire.readResponse(method);
    if (answer.status >= 200) return [answer, interim];
  }
}

/** Sends a request and then one whose response shows that both hops are still in step. */
async function exchange(wire: Wire, start: string): Promise<readonly [ReceivedResponse, number]> {
  wire.write(toRequest(start, ["TE: trailers", "Connection: TE"]));
  const read = await readFinal(wire, start.slice(0, start.indexOf(" ")));
  wire.write(toRequest("GET /next"));
  assert.equal((await wire.readResponse()).body.toString(), "next");
  assert.equal(wire.bytes.unread().length, 0);
  return read;
}

function linesOf({ lines }: ReceivedResponse): readonly string[] {
  return lines.filter((line) => !/^(?:date|connection|keep-alive|transfer-encoding):/i.test(line));
}

for (const [what, meaning] of Object.entries(LIBERTIES)) {
  const { bytes, reason = "OK", lines, body, trailers = [], interim = 0 } = meaning;
  test(`a response with ${what} is accepted, and written in correct form`, async (t) => {
    const wire = await startBoth(t, await startUpstream(t, bytes));
    for (const target of ["/", "/strict/not"]) {
      const [response, before] = await exchange(wire, `GET ${target}`);
      assert.equal(response.start, `HTTP/1.1 200 ${reason}`);
      assert.deepEqual(linesOf(response), lines);
      assert.equal(response.body.toString("latin1"), body);
      assert.deepEqual(response.trailers, trailers);
      assert.equal(before, interim);
    }
    for (const target of ["/", "/passed"]) {
      const [response, before] = await exchange(wire, `HEAD ${target}`);
      assert.equal(response.start, `HTTP/1.1 200 ${reason}`);
      assert.deepEqual(linesOf(response), lines);
      assert.equal(before, interim);
    }
  });

  if (!ORDINARY.has(what))
    test(`a response with ${what} is 502 if the upstream or the route is strict, or is truncated`, async (t) => {
      const isInContent = bytes.startsWith(CHUNKED);
      for (const line of [
        "GET /strict/",
        "HEAD /strict/",
        "HEAD /strict/passed",
        "GET /not/strict",
      ]) {
        const wire = await startBoth(t, await startUpstream(t, bytes));
        wire.write(toRequest(line));
        const method = line.slice(0, line.indexOf(" "));
        if (!isInContent) {
          const [{ status }] = await readFinal(wire, method);
          assert.equal(status, 502);
        } else if (method === "GET") {
          await assert.rejects(readFinal(wire, method), /ended/);
        }
      }
    });
}

/** Each has two readings, or a liberty in a line that frames the message. */
const REFUSED: Readonly<Record<string, string>> = {
  "a bare LF among CRLFs": "HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok",
  "CRLF among bare LFs": "HTTP/1.1 200 OK\nX-A: b\r\nContent-Length: 2\n\nok",
  "an empty line of the other kind": "HTTP/1.1 200 OK\nContent-Length: 2\n\r\nok",
  "CR in a value": `${OK}X-A: a\rb\r\nContent-Length: 2\r\n\r\nok`,
  "NUL in a value": `${OK}X-A: a\0b\r\nContent-Length: 2\r\n\r\nok`,
  "a folded line": `${OK}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok`,
  "a length with white space before its colon": `${OK}Content-Length : 2\r\n\r\nok`,
  "a coding with white space before its colon": `${OK}Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "a length with a control character": `${OK}Content-Length: 2\x0b\r\n\r\nok`,
  "a coding with a control character": `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "Connection with white space before its colon": `${OK}Connection : close\r\nContent-Length: 2\r\n\r\nok`,
  "Upgrade with a control character": `${OK}Upgrade: \x01a\r\nContent-Length: 2\r\n\r\nok`,
  "two lengths": `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`,
  "one length in two spellings": `${OK}Content-Length: 2, 02\r\n\r\nok`,
  "a length beside chunks": `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "one length twice beside chunks": `${OK}Content-Length: 2\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
};
for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`a response with ${what} is 502 in both modes`, async (t) => {
    for (const target of ["/", "/passed", "/strict/", "/strict/passed"]) {
      for (const method of ["GET", "HEAD"]) {
        const wire = await startBoth(t, await startUpstream(t, bytes));
        const [{ status }] = await exchange(wire, `${method} ${target}`);
        assert.equal(status, 502);
      }
    }
  });
}

/** Bytes around chunks of a response whose header section the client already has. */
const BROKEN_OFF: Readonly<Record<string, string>> = {
  "a bare LF behind a chunk's size": `${CHUNKED}2\nok\r\n0\r\n\r\n`,
  "a bare LF behind a padded size": `${CHUNKED}2 \nok\r\n0\r\n\r\n`,
  "a blank before a size": `${CHUNKED} 2\r\nok\r\n0\r\n\r\n`,
  "a trailer with a bare LF": `${CHUNKED}2\r\nok\r\n0\r\nX-A: b\n\r\n`,
  "a length among the trailers, with white space before its colon": `${CHUNKED}2\r\nok\r\n0\r\nContent-Length : 2\r\n\r\n`,
};
for (const [what, bytes] of Object.entries(BROKEN_OFF)) {
  test(`a response with ${what} is truncated in both modes`, async (t) => {
    for (const target of ["/", "/strict/"]) {
      const origin = await startUpstream(t, bytes);
      const wire = await startBoth(t, origin);
      wire.write(toRequest(`GET ${target}`));
      await assert.rejects(wire.readResponse("GET"), /ended/);
      await (
        await origin.connection(0)
      ).closed;
    }
  });
}

const UPGRADE = toRequest("GET /chat", ["Connection: Upgrade", "Upgrade: foo/2"]);
const SWITCHED = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: foo/2"];

/** A 101, and its lines that the client gets. */
const SWITCHES: Readonly<Record<string, readonly [bytes: string, lines: readonly string[]]>> = {
  "every line ended by a bare LF": [`${SWITCHED.join("\n")}\n\n`, SWITCHED],
  "white space before a colon, and a control character": [
    [...SWITCHED, "X-A : \x01b", "", ""].join("\r\n"),
    [...SWITCHED, "X-A: \x01b"],
  ],
  "an empty line before it": [`\r\n${SWITCHED.join("\r\n")}\r\n\r\n`, SWITCHED],
  "an empty line after a 103": [
    `HTTP/1.1 103 x\r\n\r\n\r\n${SWITCHED.join("\r\n")}\r\n\r\n`,
    ["HTTP/1.1 103 x", "", ...SWITCHED],
  ],
};
for (const [what, [bytes, lines]] of Object.entries(SWITCHES)) {
  test(`a 101 with ${what} switches, and later bytes are of the new protocol; in strict mode it is 502`, async (t) => {
    const upstream = await startRawUpstream(t, respondWith(`${bytes}\r\n\nraw`));
    const door = await startDoor(t, upstream.url);
    const client = await openWire(t, door.port);
    client.write(UPGRADE);
    const expected = `${lines.join("\r\n")}\r\n\r\n\r\n\nraw`;
    assert.equal((await client.bytes.take(expected.length)).toString("latin1"), expected);
    client.socket.destroy();

    const strict = await startDoor(t, upstream.url, { upstream: "strict: true" });
    const refused = await openWire(t, strict.port);
    refused.write(UPGRADE);
    const [{ status }] = await readFinal(refused, "GET");
    assert.equal(status, 502);
  });
}

for (const line of ["Upgrade : foo/2", "Connection : Upgrade", "Upgrade: foo/2\x0b"]) {
  test(`a 101 with ${JSON.stringify(line)} is 502, and no later byte reaches the client`, async (t) => {
    const name = line.slice(0, 6);
    const head = SWITCHED.map((one) => (one.startsWith(name) ? line : one)).join("\r\n");
    const upstream = await startRawUpstream(t, respondWith(`${head}\r\n\r\nraw`));
    const door = await startDoor(t, upstream.url);
    const client = await openWire(t, door.port);
    client.write(UPGRADE);
    const response = await client.readResponse();
    assert.equal(response.status, 502);
    assert.deepEqual(fieldValues(response, "proxy-status"), [
      "headgate; error=http_protocol_error",
    ]);
    client.halfClose();
    assert.equal((await client.bytes.takeAll()).length, 0);
  });
}

test("an empty line on an idle connection does not begin a response: the connection is not reused", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const wire = await startBoth(t, origin);
  wire.write(toRequest("GET /"));
  assert.equal((await wire.readResponse()).status, 200);
  const first = await origin.connection(0);
  first.socket.write("\r\n");
  await first.closed;
  wire.write(toRequest("GET /again"));
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal(origin.connections.length, 2);
});

test("an empty line after a response belongs to no response: its connection is not reused", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(`${toHead("200 OK", ["Content-Length: 2"])}ok\r\n`);
  });
  const wire = await startBoth(t, origin);
  for (const _ of [1, 2]) {
    wire.write(toRequest("GET /"));
    assert.equal((await wire.readResponse()).body.toString(), "ok");
  }
  assert.equal(origin.connections.length, 2);
});

test("a connection whose response took a liberty is reused", async (t) => {
  const origin = await startUpstream(t, "HTTP/1.1 200 OK\nX-A : b\nContent-Length: 2\n\nok");
  const wire = await startBoth(t, origin);
  for (const _ of [1, 2, 3]) await exchange(wire, "GET /");
  assert.equal(origin.connections.length, 1);
});
