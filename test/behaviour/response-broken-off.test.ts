/**
 * A truncated response reaches the client as far as it came, and never looks complete.
 *
 * Symptom: an upstream that broke off after 1 MiB left an HTTP/1.0 client with 98 kB of it; a slow client of HTTP/1.1 lost up to 192 KiB;
 * an idle limit, a client's own FIN and the end of a shutdown made a response without a length look complete.
 * Root cause: every end of a client's connection dropped the bytes that the socket had not sent yet, and was a reset depending on the HTTP
 * version instead of the framing.
 * Fix: a truncated response is written out. A FIN follows if a length or chunks show the truncation (RFC 9112 §8); if the connection's end
 * is the content's, a reset follows, after a wait.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import test, { type TestContext } from "node:test";
import { toChunk, toHead } from "../support/responses.ts";
import { untilQuiet } from "../support/flood.ts";
import { untilInFlight } from "../support/in-flight.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { type LogLine, type Sidecar, startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

const MEBIBYTE = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Numbered lines: a byte that is lost, doubled or out of order changes them. */
const CONTENT = Buffer.from(
  Array.from({ length: 120_000 }, (_, index) => `line ${index}\n`).join(""),
).subarray(0, MEBIBYTE);

/** An upstream's bytes before 1 MiB of content of which there should be more. */
const FRAMINGS = {
  "with a length": toHead("200 OK", [`Content-Length: ${MEBIBYTE + 1}`]),
  chunked: `${toHead("200 OK", ["Transfer-Encoding: chunked"])}${(MEBIBYTE + 1).toString(16)}\r\n`,
} as const;

const cases = [
  { version: "1.1", framing: "with a length", ending: "end" },
  { version: "1.1", framing: "chunked", ending: "end" },
  { version: "1.0", framing: "with a length", ending: "end" },
  { version: "1.0", framing: "chunked", ending: "reset" },
] as const;

for (const { version, framing, ending } of cases) {
  const shown = ending === "end" ? "FIN" : "reset";
  test(`a client of HTTP/${version} gets all of a truncated response ${framing}, and then a ${shown}`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(FRAMINGS[framing]);
      request.write(CONTENT);
      request.end();
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    let attempts = 0;
    for (let isWhole = false; !isWhole; attempts += 1) {
      const delay = monitorEventLoopDelay({ resolution: 10 });
      delay.enable();
      const client = await openWire(t, sidecar.port);
      client.pause();
      client.write(toRequest(`GET /x HTTP/${version}`));
      // headgate has closed the upstream connection, while the client has not read a byte.
      await (
        await origin.arrival(attempts)
      ).connection.closed;
      client.resume();
      assert.equal(await endingOf(client), ending);
      isWhole = contentOf(await client.bytes.takeAll()).equals(CONTENT);
      // Bytes may be lost only if this process stood still for half of the time that a reset waits.
      assert.ok(isWhole || delay.max > 1e9, "every byte has arrived");
    }
    await assertLines(sidecar, "http_response_incomplete", attempts);
  });
}

for (const { version, framing } of cases) {
  test(`a client of HTTP/${version} that reads late gets all of a truncated response ${framing}`, async (t) => {
    // A unix socket buffers 200 KB, TCP megabytes: the rest waits in headgate. It has no reset.
    const content = CONTENT.subarray(0, 256 * 1024);
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(FRAMINGS[framing]);
      request.write(content);
      request.end();
    });
    const listen = join(await makeDirectory(t, {}), "listen.sock");
    const sidecar = await startSidecar(t, {
      upstream: origin.url,
      yaml: `listen: unix:${listen}`,
    });
    const client = await openWire(t, listen);
    client.pause();
    client.write(toRequest(`GET /x HTTP/${version}`));
    await (
      await origin.arrival(0)
    ).connection.closed;
    // The exchange continues until its last byte is written, and only then has its line.
    await untilInFlight(sidecar.adminPort, 1);
    client.resume();
    assert.ok(contentOf(await client.bytes.takeAll()).equals(content), "every byte has arrived");
    await assertLines(sidecar, "http_response_incomplete");
  });
}

/** Ways in which the client's side truncates a response. */
const breaks: Readonly<Record<string, { readonly act: (client: Wire) => void; error: string }>> = {
  "sends what is not HTTP": {
    act: (client) => client.write("zz\r\n"),
    error: "http_request_error",
  },
  "sends its FIN": { act: (client) => client.halfClose(), error: "client_gone" },
};

for (const [what, { act, error }] of Object.entries(breaks)) {
  test(`a client that ${what} in the middle of its response gets what has arrived of it`, async (t) => {
    const { client, origin, sidecar, upstream } = await startHeldUp(t);
    act(client);
    await upstream.connection.closed;
    client.resume();
    const rest = await client.bytes.takeAll();
    assertWholeChunks(rest.subarray(rest.indexOf("\r\n\r\n") + 4));
    await assertLines(sidecar, error);
    assert.equal(origin.arrivals.length, 1);
  });
}

test("a request after a truncated response gets none", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(`${FRAMINGS["with a length"]}some`);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, sidecar.port);
  client.write(toRequest("GET /first") + toRequest("GET /second"));
  const first = await origin.arrival(0);
  await client.bytes.take("some");
  client.write(toRequest("GET /third"));
  first.end();
  assert.equal(await endingOf(client), "end");
  assert.equal(client.bytes.unread().length, 0);
  await assertLines(sidecar, "http_response_incomplete");
  assert.equal(origin.arrivals.length, 1);
});

test("a client that reads nothing of the rest is disconnected after timeouts.idle", async (t) => {
  const { client, sidecar, upstream } = await startHeldUp(t, "timeouts: { idle: 200ms }");
  client.halfClose();
  await upstream.connection.closed;
  await assertLines(sidecar, "client_gone");
  client.resume();
  const rest = (await client.bytes.takeAll()).toString("latin1");
  assert.ok(!rest.endsWith("0\r\n\r\n"), "it is not complete");
});

test("the end of a shutdown does not wait for a client that reads nothing of the rest", async (t) => {
  const { client, sidecar, upstream } = await startHeldUp(t, "shutdown: { grace: 100ms }");
  client.halfClose();
  await upstream.connection.closed;
  await sidecar.stop();
  await assertLines(sidecar, "client_gone");
});

// Events that end a connection during a response whose end is the connection's: none may look like that end.
const cuts: Readonly<Record<string, (client: Wire, sidecar: Sidecar) => void>> = {
  "its own FIN": (client) => client.halfClose(),
  "the end of a shutdown": (_, sidecar) => void sidecar.stop(),
};

for (const [what, cut] of Object.entries(cuts)) {
  test(`${what} ends a client's response without a length in a reset`, async (t) => {
    const origin = await startOrigin(t, (request) => request.write(`${toHead("200 OK", [])}some`));
    const yaml = "shutdown: { grace: 100ms }";
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml, expectsErrors: true });
    const client = await openWire(t, sidecar.port);
    client.write(toRequest("GET /x HTTP/1.0"));
    await client.bytes.take("\r\n\r\nsome");
    cut(client, sidecar);
    // All bytes have been read: the reset comes alone, and Node sees it.
    assert.equal(await client.closed, "reset");
  });
}

test("timeouts.idle ends a response without a length in a reset", async (t) => {
  const { client, sidecar } = await startHeldUp(t, "timeouts: { idle: 200ms }", "1.0");
  await assertLines(sidecar, "client_gone");
  client.resume();
  assert.equal(await endingOf(client), "reset");
});

test("a shutdown does not turn the reset after a truncated response into a FIN", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write(`${toHead("200 OK", ["Transfer-Encoding: chunked"])}${toChunk("some")}`);
    request.end();
  });
  for (const grace of ["100ms", "20s"]) {
    const yaml = `shutdown: { grace: ${grace} }`;
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
    const client = await openWire(t, sidecar.port);
    client.write(toRequest("GET /x HTTP/1.0"));
    await client.bytes.take("\r\n\r\nsome");
    await assertLines(sidecar, "http_response_incomplete");
    const stopped = sidecar.stop();
    assert.equal(await endingOf(client), "reset");
    assert.equal(await stopped, 0);
  }
});

test("a refused client that still sends is read to the end, even when headgate stops", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, sidecar.port);
  client.write("not HTTP\r\n\r\n");
  assert.equal((await client.readResponse()).status, 400);
  const stopped = sidecar.stop();
  // A closed connection would send a reset.
  await new Promise((resolve) => client.socket.write("more", resolve));
  assert.equal(await endingOf(client), "end");
  client.halfClose();
  await stopped;
});

/** A response that is longer than what the client has read: its socket holds bytes that the kernel does not take. */
async function startHeldUp(t: TestContext, yaml = "", version = "1.1") {
  const origin = await startOrigin(t, (request) => {
    request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]));
    const piece = toChunk("x".repeat(50_000));
    for (let sent = 0; sent < 32 * MEBIBYTE; sent += piece.length) request.write(piece);
  });
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: `${yaml}\nlog: { access: all }`,
    expectsErrors: true,
  });
  const client = await openWire(t, sidecar.port);
  client.pause();
  client.write(
    toRequest(
      `POST /x HTTP/${version}`,
      version === "1.0" ? ["Content-Length: 1"] : ["Transfer-Encoding: chunked"],
    ),
  );
  const upstream = await origin.arrival(0);
  upstream.connection.socket.on("error", () => undefined);
  await untilQuiet(() => upstream.connection.socket.writableLength, 100);
  return { client, origin, sidecar, upstream };
}

/** Node takes a reset that arrives together with bytes for a FIN; after a reset, the kernel refuses even a zero-length write. */
async function endingOf({ socket, closed }: Wire): Promise<string> {
  const how = await closed;
  if (how !== "end") return how;
  return new Promise((resolve) => {
    socket.write(NOTHING, (error) => resolve(error instanceof Error ? "reset" : "end"));
  });
}

/** Content after a header section, without chunk framing. */
function contentOf(answer: Buffer): Buffer {
  const at = answer.indexOf("\r\n\r\n") + 4;
  if (!/^transfer-encoding: chunked$/im.test(answer.toString("latin1", 0, at)))
    return answer.subarray(at);
  return Buffer.concat(toWholeChunks(answer.subarray(at)));
}

/** Each piece that headgate receives becomes a chunk: if all is written out, the last one is complete. */
function toWholeChunks(chunked: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < chunked.length;) {
    const begin = chunked.indexOf("\r\n", at) + 2;
    const size = Number.parseInt(chunked.toString("latin1", at, begin), 16);
    assert.ok(size > 0, "no last chunk");
    assert.ok(begin + size + 2 <= chunked.length, "the last chunk is whole");
    chunks.push(chunked.subarray(begin, begin + size));
    at = begin + size + 2;
  }
  return chunks;
}

function assertWholeChunks(chunked: Buffer): void {
  assert.ok(toWholeChunks(chunked).length > 0);
}

/** Each exchange is observed once, and ends so. */
async function assertLines(sidecar: Sidecar, error: string, count = 1): Promise<void> {
  const isExchange = (line: LogLine): boolean => line["http.response.status_code"] !== undefined;
  let seen = 0;
  await sidecar.line((line) => isExchange(line) && (seen += 1) === count);
  assert.deepEqual(
    sidecar.lines
      .filter(isExchange)
      .map((line) => [line["http.response.status_code"], line["error.type"]]),
    Array.from({ length: count }, () => [200, error]),
  );
}
