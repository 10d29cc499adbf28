/**
 * When a request counts as sent: before its first byte can have reached the upstream.
 *
 * Symptom: on a busy machine, `upstream_ms` was 0.04 ms. Root cause: its time began after the write, and the upstream may have read the
 * request and written its response by then. Fix: it begins when headgate starts to write the request.
 */

import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { PLAIN_GET, startPool } from "../support/upstream-pool.ts";

test("a request counts as sent before it is written", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const writtenMs: number[] = [];
  const pool = startPool(t, origin.url, (resources) => ({
    ...resources,
    connectTo: (to) => (events) => {
      const socket = resources.connectTo(to)(events);
      const write = (data: Parameters<typeof socket.write>[0]): boolean => {
        writtenMs.push(performance.now());
        return socket.write(data);
      };
      return { ...socket, write };
    },
  }));
  for (let request = 0; request < 2; request += 1) {
    const { content, sentMs, receivedMs } = await pool.send(PLAIN_GET).response;
    const written = writtenMs[request] ?? 0;
    assert.ok(sentMs !== undefined && sentMs <= written && written <= receivedMs);
    await new Promise<void>((resolve, reject) =>
      content.read({ onChunk: () => false, onEnd: () => resolve(), onError: reject }),
    );
  }
});
