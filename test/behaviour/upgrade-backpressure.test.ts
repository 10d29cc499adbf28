import assert from "node:assert/strict";
import type { Socket } from "node:net";
import test from "node:test";
import { MEBIBYTE, untilQuiet } from "../support/flood.ts";
import { forgetPeak, peakBytes, startRun } from "../support/process.ts";
import {
  SWITCHED,
  UPGRADE,
  answerHead,
  readHead,
  startClient,
  startRawUpstream,
} from "../support/upgrade.ts";

const SIZE = 100 * MEBIBYTE;

for (const stalled of ["client", "upstream"] as const) {
  test(`four ${stalled}s that stop reading with 100 MB behind each cost at most some tens of MB, and all of it arrives`, async (t) => {
    const upstream = await startRawUpstream(t, answerHead(SWITCHED));
    const headgate = await startRun(t, ["--upstream", upstream.url]);
    const clients: Socket[] = [];
    for (let index = 0; index < 4; index += 1) {
      const client = await startClient(t, headgate.port, UPGRADE);
      await readHead(client);
      clients.push(client);
    }
    forgetPeak(headgate.pid);
    const before = peakBytes(headgate.pid);
    const flows = clients.map((client, index) => {
      const socket = upstream.sockets[index] ?? assert.fail();
      return stalled === "client" ? { from: socket, to: client } : { from: client, to: socket };
    });
    // One buffer 100 times over: the sender's own queue costs nothing.
    const chunk = Buffer.alloc(MEBIBYTE, "x");
    for (const { from } of flows)
      for (let sent = 0; sent < SIZE; sent += MEBIBYTE) from.write(chunk);
    await Promise.all(
      flows.map(({ from }) => untilQuiet(() => from.bytesWritten - from.writableLength, 100)),
    );
    const grown = (peakBytes(headgate.pid) - before) / MEBIBYTE;
    assert.ok(grown < 50, `${grown} MiB`);
    for (const { to } of flows) {
      let bytes = 0;
      for await (const part of to.iterator({ destroyOnReturn: false })) {
        bytes += (part as Buffer).length;
        if (bytes === SIZE) break;
      }
      assert.equal(bytes, SIZE);
    }
  });
}
