import assert from "node:assert/strict";
import test from "node:test";
import { sse, text, toHead } from "./responses.ts";
import { startOrigin, type Script } from "./origin.ts";
import { openWire, type Wire } from "./wire.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A wire to an origin that responds to every request with these bytes. */
async function wireTo(t: test.TestContext, bytes: string, method = "GET"): Promise<Wire> {
  const origin = await startOrigin(t, (request) => request.write(bytes));
  const wire = await openWire(t, origin.port);
  wire.write(get.replace("GET", method));
  return wire;
}

test("a response is read with its fields in order, case and duplicates", async (t) => {
  const wire = await wireTo(
    t,
    "HTTP/1.1 201 All Good\r\nx-B: 1\r\nX-A:2\r\nx-b:  3 \r\nContent-Length: 2\r\n\r\nhi",
  );
  const answer = await wire.readResponse();
  assert.deepEqual(answer.lines, ["x-B: 1", "X-A:2", "x-b:  3 ", "Content-Length: 2"]);
  assert.deepEqual([answer.status, answer.reason, answer.body.toString()], [201, "All Good", "hi"]);
});

test("a chunked response is read with its content, its wire bytes and its trailers", async (t) => {
  const raw = "3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n";
  const wire = await wireTo(t, toHead("200 OK", ["Transfer-Encoding: chunked"]) + raw);
  const answer = await wire.readResponse();
  assert.equal(answer.body.toString(), "abc0123456789");
  assert.equal(answer.rawBody.toString(), raw);
  assert.deepEqual(answer.trailers, ["X-T: 1"]);
});

test("a response without framing lasts until the connection ends", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write("HTTP/1.1 200 OK\r\n\r\nall of this");
    request.end();
  });
  const wire = await openWire(t, origin.port);
  wire.write(get);
  assert.equal((await wire.readResponse()).body.toString(), "all of this");
  assert.equal(await wire.closed, "end");
});

test("several responses on one connection are read one by one, interim ones too", async (t) => {
  const early = toHead("103 Early Hints", ["Link: </a>"]);
  const wire = await wireTo(t, early + toHead("200 OK", ["Content-Length: 1"]) + "a");
  assert.equal((await wire.readResponse()).status, 103);
  assert.equal((await wire.readResponse()).body.toString(), "a");
  wire.write(get);
  assert.equal((await wire.readResponse()).status, 103);
});

test("a body after the response to a HEAD is left unread and breaks the next response", async (t) => {
  const wire = await wireTo(t, toHead("200 OK", ["Content-Length: 5"]) + "stray", "HEAD");
  assert.equal((await wire.readResponse("HEAD")).body.length, 0);
  assert.equal(wire.bytes.unread().toString(), "stray");
  wire.write(get);
  await assert.rejects(wire.readResponse(), /not a status line|not a field line/);
});

const invalid: readonly (readonly [string, string, RegExp])[] = [
  ["a bare LF", "HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n", /stray CR, LF or NUL/],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", /not a field line/],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: 1\r\n b\r\n\r\n", /not a field line/],
  [
    "two lengths",
    toHead("200 OK", ["Content-Length: 1", "Content-Length: 1"]),
    /more than one framing/,
  ],
  [
    "a length beside chunks",
    toHead("200 OK", ["Content-Length: 1", "Transfer-Encoding: chunked"]),
    /more than one/,
  ],
  ["a negative length", toHead("200 OK", ["Content-Length: -1"]), /length -1/],
  ["another coding", toHead("200 OK", ["Transfer-Encoding: gzip, chunked"]), /coding gzip/],
  [
    "an invalid chunk size",
    `${toHead("200 OK", ["Transfer-Encoding: chunked"])}0x1\r\na\r\n`,
    /chunk size 0x1/,
  ],
  [
    "a chunk that is too long",
    `${toHead("200 OK", ["Transfer-Encoding: chunked"])}1\r\nab\r\n`,
    /chunk end/,
  ],
];

for (const [what, bytes, expected] of invalid) {
  test(`a response with ${what} is an error`, async (t) => {
    const wire = await wireTo(t, bytes);
    await assert.rejects(wire.readResponse(), expected);
  });
}

const endings: readonly (readonly [string, Script])[] = [
  ["end", (request) => request.end()],
  ["reset", (request) => request.reset()],
];

for (const [ending, finish] of endings) {
  test(`a connection that ends by ${ending} in a body is an error that shows what was received`, async (t) => {
    let broken = (): void => {};
    const seen = new Promise<void>((resolve) => (broken = resolve));
    const origin = await startOrigin(t, async (request) => {
      request.write(`${toHead("200 OK", ["Content-Length: 9"])}half`);
      await seen;
      await finish(request);
    });
    const wire = await openWire(t, origin.port);
    wire.write(get);
    await wire.readHead();
    const body = wire.bytes.take(9);
    broken();
    await assert.rejects(body, { closeKind: ending, received: Buffer.from("half") });
    assert.equal(await wire.closed, ending);
  });
}

test("a client that sends a FIN still reads its response", async (t) => {
  const origin = await startOrigin(t, text("late"));
  const wire = await openWire(t, origin.port);
  wire.write(get);
  wire.halfClose();
  assert.equal((await wire.readResponse()).body.toString(), "late");
  assert.equal(await wire.closed, "end");
});

test("an origin sees a client's reset as a reset and its FIN as an end", async (t) => {
  const origin = await startOrigin(t, sse());
  const [one, two] = [await openWire(t, origin.port), await openWire(t, origin.port)];
  for (const wire of [one, two]) {
    wire.write(get);
    await wire.readHead();
  }
  one.reset();
  two.halfClose();
  assert.equal(await origin.connections[0]?.closed, "reset");
  assert.equal(await origin.connections[1]?.closed, "end");
});
