import assert from "node:assert/strict";
import test from "node:test";
import {
  answerHead,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  SWITCHED,
  UPGRADE,
} from "../support/upgrade.ts";

const MB = 2 ** 20;

test("four stalled readers with 100 MB behind each cost at most some tens of MB, both ways", async (t) => {
  for (const stalled of ["client", "upstream"] as const) {
    const upstream = await startRawUpstream(t, answerHead(SWITCHED));
    const door = await startDoor(t, upstream.config);
    const chunk = Buffer.alloc(MB, "x");
    const before = process.memoryUsage().rss;
    const clients = [];
    for (let i = 0; i < 4; i++) {
      const client = await startClient(t, door.port, UPGRADE);
      await readHead(client);
      clients.push(client);
    }
    const flows = clients.map((client, i) => {
      const socket = upstream.sockets[i] ?? assert.fail();
      return stalled === "client" ? { from: socket, to: client } : { from: client, to: socket };
    });
    // One buffer 100 times over: the sender's own queue costs nothing.
    for (const { from } of flows) for (let i = 0; i < 100; i++) from.write(chunk);
    await Promise.all(
      flows.map(({ from }) => untilStill(() => from.bytesWritten - from.writableLength)),
    );
    const grown = (process.memoryUsage().rss - before) / MB;
    assert.ok(grown < 50, `${grown} MB`);
    // And all of it arrives.
    for (const { to } of flows) {
      let bytes = 0;
      for await (const part of to.iterator({ destroyOnReturn: false })) {
        bytes += (part as Buffer).length;
        if (bytes === 100 * MB) break;
      }
      assert.equal(bytes, 100 * MB);
    }
    for (const { from } of flows) from.resetAndDestroy();
    await Promise.all(flows.map(() => door.ended()));
  }
});

/** Resolves when the value has stood for 50 turns of the event loop in a row, a millisecond each. */
async function untilStill(read: () => number): Promise<void> {
  let last = Number.NaN;
  for (let still = 0; still < 50; still++) {
    const now = read();
    if (now !== last) still = 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
