/** Clients that are intentionally slow while other clients are served. */

import type { Socket } from "node:net";
import { dismiss, openCrowd, pause } from "./crowd.ts";
import type { Scale } from "./options.ts";
import { type Probes, startProber } from "./prober.ts";
import { type Row, toMs } from "./row.ts";
import type { Subject } from "./subject.ts";

const PROMISED_P99_MS = 50;
const PROMISED_GONE_S = 15;

/** Measures all of them in turn, and first none: the effect of the machine itself on latency. */
export async function measureSlow(subject: Subject, scale: Scale): Promise<readonly Row[]> {
  await probeFor(subject, 2); // a process that has just started compiles what it runs
  const alone = toRow(subject, "beside nobody", await probeFor(subject, 3));
  return [
    { ...alone, promise: "", isMet: undefined },
    ...(await measureHeads(subject, scale)),
    ...(await measureReaders(subject, scale)),
    ...(await measureUploads(subject, scale)),
  ];
}

/** Clients that send half a header section, and then one more byte each second. */
async function measureHeads(subject: Subject, { slowHeads }: Scale): Promise<readonly Row[]> {
  const startedMs = performance.now();
  const goneMs: number[] = [];
  let told = 0;
  const sockets = await openCrowd(subject.port, slowHeads, (socket) => {
    socket.write("GET /small HTTP/1.1\r\nHost: reliability.test\r\nX-Slow: ");
    socket.on("data", (piece: Buffer) => (told += piece.includes(" 408 ") ? 1 : 0));
    const gone = (): void => void goneMs.push(performance.now() - startedMs);
    socket.once("end", gone).once("error", () => socket.emit("end"));
  });
  const dripping = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed && !socket.readableEnded) socket.write("x");
  }, 1_000);
  const prober = startProber(subject.port);
  while (goneMs.length < slowHeads && performance.now() - startedMs < 20_000) await pause(100);
  clearInterval(dripping);
  const probes = await prober.stop();
  dismiss(sockets);
  const lastS = Math.max(...goneMs) / 1_000;
  const isAllGone = goneMs.length >= slowHeads && lastS <= PROMISED_GONE_S;
  return [
    {
      subject: subject.name,
      what: `${slowHeads} half-sent header sections`,
      figure:
        goneMs.length < slowHeads
          ? `${slowHeads - goneMs.length} still there after 20 s`
          : `gone after ${lastS.toFixed(1)} s, ${told} told 408`,
      promise: `${PROMISED_GONE_S} s, each told 408`,
      isMet: subject.name === "headgate" ? isAllGone && told === slowHeads : undefined,
    },
    toRow(subject, `beside ${slowHeads} half-sent header sections`, probes),
  ];
}

/** Downloads that clients do not read: they first fill the kernel's buffers, megabytes each, and then make no progress. */
async function measureReaders(
  subject: Subject,
  { slowReaders, slowSeconds }: Scale,
): Promise<readonly Row[]> {
  const filling = startProber(subject.port);
  const sockets = await openCrowd(subject.port, slowReaders, (socket) => {
    socket.pause();
    socket.write("GET /big HTTP/1.1\r\nHost: reliability.test\r\n\r\n");
  });
  await pause(slowSeconds * 500);
  const first = await filling.stop();
  const probes = await probeFor(subject, slowSeconds);
  const memory = `${(subject.memoryBytes() / 1024 ** 2).toFixed(0)} MiB`;
  dismiss(sockets);
  const what = `${slowReaders} downloads of 100 MiB that nobody reads`;
  const begun = toRow(subject, `while ${what} fill the kernel's buffers`, first);
  return [
    { ...begun, promise: "", isMet: undefined },
    toRow(subject, `beside ${what} (memory ${memory})`, probes),
  ];
}

/** Uploads that stop in the middle. */
async function measureUploads(
  subject: Subject,
  { slowReaders, slowSeconds }: Scale,
): Promise<readonly Row[]> {
  let gone = 0;
  const sockets: readonly Socket[] = await openCrowd(subject.port, slowReaders, (socket) => {
    socket.resume().once("end", () => (gone += 1));
    socket.write(
      "POST /up HTTP/1.1\r\nHost: reliability.test\r\nContent-Length: 100000\r\n\r\nhalf",
    );
  });
  const probes = await probeFor(subject, slowSeconds);
  dismiss(sockets);
  const isTimed = slowSeconds > 6;
  return [
    toRow(subject, `beside ${slowReaders} uploads that stop`, probes),
    {
      subject: subject.name,
      what: `${slowReaders} uploads that stop, idle limit 5 s`,
      figure: `${gone} ended after ${slowSeconds} s`,
      promise: isTimed ? "all" : "",
      isMet: isTimed && subject.name === "headgate" ? gone === slowReaders : undefined,
    },
  ];
}

async function probeFor(subject: Subject, seconds: number): Promise<Probes> {
  const prober = startProber(subject.port);
  await pause(seconds * 1_000);
  return prober.stop();
}

function toRow(
  { name }: Subject,
  what: string,
  { count, failed, p50Ms, p99Ms, worstMs }: Probes,
): Row {
  const isKept = failed === 0 && p99Ms < PROMISED_P99_MS;
  return {
    subject: name,
    what,
    figure: `p50 ${toMs(p50Ms)}, p99 ${toMs(p99Ms)}, worst ${toMs(worstMs)}; ${failed} of ${count} failed`,
    promise: `p99 ${toMs(PROMISED_P99_MS)}, none failed`,
    isMet: name === "headgate" ? isKept : undefined,
  };
}
