/**
 * Symptom: downloads to clients that read irregularly hung at their end; with chunked content they were corrupt.
 * Root cause: the hook that hides a 100 (Continue) from the HTTP library ignored the argument of `read`, so that Node's own `read(0)`,
 * which only requests more from the kernel, took buffered bytes and dropped them.
 * Fix: a `read` with a size is Node's own and is passed on unchanged.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

// Numbered lines: a byte that is lost, doubled or out of order changes them.
const LINES = Array.from(
  { length: 40_000 },
  (_, index) => `this is line ${index} of the content\n`,
).join("");
const PIECE_LENGTH = 3000;

test("a client that pauses while the upstream sends in small pieces gets every byte", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const listen = join(folder, "listen.sock");
  let tellSent = (): void => undefined;
  const sent = new Promise<void>((resolve) => {
    tellSent = resolve;
  });
  const origin = await startOrigin(t, async (request) => {
    request.write(toHead("200 OK", [`Content-Length: ${LINES.length}`]));
    for (let at = 0; at < LINES.length; at += PIECE_LENGTH) {
      request.write(LINES.slice(at, at + PIECE_LENGTH));
      // One write of its own for each piece.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    tellSent();
  });
  // A unix socket buffers 200 KB, TCP megabytes: backpressure comes soon.
  await startSidecar(t, { upstream: origin.url, yaml: `listen: unix:${listen}` });
  const client = await openWire(t, listen);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readHead();
  client.pause();
  await sent;
  client.resume();
  const content = await client.bytes.take(LINES.length);
  assert.ok(content.toString("latin1") === LINES, "the content is as it was sent");
});
