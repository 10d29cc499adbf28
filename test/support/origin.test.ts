import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { chunked, getOnly, slow, text, toHead } from "./responses.ts";
import { startOrigin, type Script } from "./origin.ts";
import { openWire } from "./wire.ts";

test("an origin records the received bytes and their connection", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const first = await openWire(t, origin.port);
  first.write(
    "POST //a/../b?x=%2e HTTP/1.1\r\nhOST: a\r\nx-a: 1\r\nX-A: \xe9\r\nContent-Length: 3\r\n\r\nabc",
  );
  await first.readResponse();
  first.write(
    "PUT /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
  );
  await first.readResponse();
  const second = await openWire(t, origin.port);
  second.write("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  await second.readResponse();

  const [post, put, get] = origin.arrivals;
  assert.equal(post?.start, "POST //a/../b?x=%2e HTTP/1.1");
  assert.deepEqual(post?.lines, ["hOST: a", "x-a: 1", "X-A: \xe9", "Content-Length: 3"]);
  assert.equal((await post?.completed)?.body.toString(), "abc");
  assert.deepEqual((await put?.completed)?.trailers, ["X-T: 1"]);
  assert.equal((await put?.completed)?.body.toString(), "hi");
  assert.deepEqual(
    [post, put, get].map((arrival) => arrival?.connection.number),
    [1, 1, 2],
  );
});

test("a script may respond before the content has arrived", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.write(toHead("413 Too Much", ["Content-Length: 0"])),
  );
  const wire = await openWire(t, origin.port);
  wire.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfew");
  assert.equal((await wire.readResponse()).status, 413);
  wire.reset();
  await assert.rejects((await origin.arrival(0)).completed, {
    closeKind: "reset",
    received: Buffer.from("few"),
  });
});

test("the content of a response waits for its release", async (t) => {
  let release = (): void => {};
  const origin = await startOrigin(
    t,
    slow("body", new Promise<void>((resolve) => (release = resolve))),
  );
  const wire = await openWire(t, origin.port);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.deepEqual((await wire.readHead()).lines, ["Content-Length: 4"]);
  assert.equal(wire.bytes.unread().length, 0);
  release();
  assert.equal((await wire.bytes.take(4)).toString(), "body");
});

test("a getOnly origin refuses HEAD as FastAPI does, and responds to GET", async (t) => {
  const origin = await startOrigin(t, getOnly(chunked(["a", "bc"], ["X-T: 1"])));
  const wire = await openWire(t, origin.port);
  wire.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  const refused = await wire.readResponse("HEAD");
  assert.deepEqual([refused.status, refused.lines[0]], [405, "allow: GET"]);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await wire.readResponse();
  assert.deepEqual([answer.body.toString(), answer.trailers], ["abc", ["X-T: 1"]]);
});

test("a script that takes the connection over gets its further bytes", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(toHead("101 Switching Protocols", ["Connection: Upgrade", "Upgrade: echo"]));
  });
  const wire = await openWire(t, origin.port);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  assert.equal((await wire.readResponse()).status, 101);
  const { socket, bytes } = await origin.connection(0);
  const arrived = once(socket, "data");
  wire.write("ping\r\n\r\n");
  await arrived;
  // If the loop took the bytes for a request, it would do so in this turn.
  await setImmediate();
  assert.equal(bytes.unread().toString(), "ping\r\n\r\n");
});

test("an origin listens on a unix socket too", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "origin.sock");
  const origin = await startOrigin(t, text("unix"), path);
  const wire = await openWire(t, path);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await wire.readResponse()).body.toString(), "unix");
  assert.equal(origin.url, `unix:${path}`);
});

/** The error at the end of a test that sends `bytes` to an origin. */
async function endOf(bytes: string, script: Script): Promise<string> {
  const ends: (() => void | Promise<void>)[] = [];
  const t = { after: (end: () => void | Promise<void>): void => void ends.push(end) };
  const origin = await startOrigin(t, script);
  const wire = await openWire(t, origin.port);
  wire.write(bytes);
  await wire.closed;
  const results = await Promise.allSettled(ends.map(async (end) => end()));
  return results
    .map((result) => (result.status === "rejected" ? String(result.reason) : ""))
    .join("");
}

const faults: readonly (readonly [string, string, RegExp])[] = [
  ["bytes that are no request", "nonsense\r\n\r\n", /not a request line/],
  [
    "a request with two framings",
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    /more than one framing/,
  ],
  [
    "a broken chunk",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    /chunk size zz/,
  ],
  [
    "a stray byte after a request",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n\rGET / HTTP/1.1\r\n\r\n",
    /stray CR/,
  ],
];

for (const [what, bytes, expected] of faults) {
  test(`${what} on the way to an origin fails the test`, async () => {
    assert.match(await endOf(bytes, () => {}), expected);
  });
}

test("a script that throws fails the test", async () => {
  const script: Script = () => {
    throw new Error("script failed");
  };
  assert.match(await endOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n", script), /script failed/);
});
