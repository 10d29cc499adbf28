// Symptom: a client that sent a header section of 16 KiB in lines of four bytes took 540 ms of CPU, and each byte in a chunk of its own was
// forwarded by itself.
// Root cause: with each piece the complete header section was parsed from its beginning; each chunk was a write.
// Fix: each line is parsed once; the content of small chunks that come together is forwarded together.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { chunked, text, toChunk } from "../support/responses.ts";
import type { Message } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { assertRatio } from "../support/work.ts";
import { openWire } from "../support/wire.ts";

const YAML = "limits: { headerBytes: 256KiB, headerCount: 10000 }";

/** Sends each piece in a segment of its own: headgate, in this same process, reads it before the next one is written. */
async function sendSlowly(t: TestContext, port: number, pieces: readonly string[]): Promise<void> {
  const wire = await openWire(t, port);
  for (const piece of pieces) {
    wire.write(piece);
    await nextTurn();
  }
  const { status } = await wire.readResponse();
  assert.equal(status, 200);
  wire.socket.destroy();
}

test("a header section in many segments costs no more than content in as many", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url, yaml: YAML });
  const lines = Array.from({ length: 8_000 }, () => "a:\r\n");
  const length = lines.join("").length;
  await assertRatio(2.5, [
    () => sendSlowly(t, port, [toRequest("POST /", [`Content-Length: ${length}`]), ...lines]),
    () => sendSlowly(t, port, ["GET / HTTP/1.1\r\nHost: a.example\r\n", ...lines, "\r\n"]),
  ]);
});

const LETTERS = "abcdefghijklmnopqrstuvwxyz".repeat(200);

/** Six bytes for each byte of content if each has a chunk of its own. */
function assertJoined({ body, rawBody }: Pick<Message, "body" | "rawBody">): void {
  assert.equal(body.toString("latin1"), LETTERS);
  assert.ok(rawBody.length < 2 * body.length, `${rawBody.length} bytes for ${body.length}`);
}

test("content in chunks of one byte is forwarded completely and in few chunks, upwards and downwards", async (t) => {
  const origin = await startOrigin(t, chunked([...LETTERS]));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, port);
  const upload = `${[...LETTERS].map(toChunk).join("")}0\r\n\r\n`;
  wire.write(toRequest("POST /", ["Transfer-Encoding: chunked"], upload));
  assertJoined(await wire.readResponse());
  assertJoined(await (await origin.arrival(0)).completed);
});
