/** Idle connections after a response: the memory of each, and whether other clients are served. */

import { once } from "node:events";
import { dismiss, openCrowd, pause } from "./crowd.ts";
import { sendOnce } from "./prober.ts";
import { type Row, toMs } from "./row.ts";
import type { Subject } from "./subject.ts";

const REQUEST = "GET /small HTTP/1.1\r\nHost: reliability.test\r\n\r\n";
const PROMISED_BYTES = 15 * 1024;
const PROMISED_MS = 100;

/** Measures them. */
export async function measureIdle(subject: Subject, wanted: number): Promise<readonly Row[]> {
  const count = Math.min(wanted, subject.maxClients);
  await sendOnce(subject.port, "/small", false);
  const before = subject.memoryBytes();
  const sockets = await openCrowd(subject.port, count, async (socket) => {
    socket.write(REQUEST);
    await Promise.race([once(socket, "data"), once(socket, "close"), pause(5_000)]);
  });
  await pause(2_000);
  const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  const each = (subject.memoryBytes() - before) / count;
  const worstMs = await worstOf(subject.port, 50);
  dismiss(sockets);
  const isOurs = subject.name === "headgate";
  return [
    {
      subject: subject.name,
      what: `${open} of ${count} idle connections, memory of each`,
      figure: `${(each / 1024).toFixed(1)} KiB`,
      promise: `${PROMISED_BYTES / 1024} KiB`,
      isMet: isOurs ? each <= PROMISED_BYTES && open === count : undefined,
    },
    {
      subject: subject.name,
      what: "the slowest of 50 requests beside them, each on a connection of its own",
      figure: toMs(worstMs),
      promise: toMs(PROMISED_MS),
      isMet: isOurs ? worstMs <= PROMISED_MS : undefined,
    },
  ];
}

async function worstOf(port: number, count: number): Promise<number> {
  let worstMs = 0;
  for (let done = 0; done < count; done += 1) {
    const startedMs = performance.now();
    const status = await sendOnce(port, "/small", false);
    worstMs = Math.max(
      worstMs,
      status === 200 ? performance.now() - startedMs : Number.POSITIVE_INFINITY,
    );
  }
  return worstMs;
}
