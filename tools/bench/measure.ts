import { BIG_BYTES } from "./backend.ts";
import { startPeer, type Bench, type RunningPeer } from "./bench.ts";
import { median, toMedians } from "./median.ts";
import type { Options } from "./options.ts";
import { measureCalmly, rotate } from "./rounds.ts";
import { runLoad, type Load } from "./tools.ts";
import { createUsageReader, type UsageReader } from "./usage.ts";

/** Figures for requests with a response of 15 bytes. */
export interface SmallFigures {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** The part of its core that the process used; a saturated proxy gets less than 1 only if another process takes the rest. */
  readonly coreShare: number;
  /** New connections at the backend per request. */
  readonly connections: number;
}

/** Figures for HEADs of 100 MB or of 2 GiB, one after another on one client connection. */
interface BigHeadFigures {
  readonly pulledBytes: number;
  readonly connections: number;
  readonly ms: number;
}

/** Figures for downloads of 100 MB, four at a time. */
interface DownloadFigures {
  readonly megabytesPerSecond: number;
  readonly cpuMs: number;
}

/** The figures of one round of about a minute: a disturbance of the machine then affects all peers of the round. */
interface Round {
  readonly get: SmallFigures;
  readonly head: SmallFigures;
  readonly download: DownloadFigures | undefined;
}

/** Medians over the rounds, and the rounds themselves. */
export interface Figures extends Round {
  readonly name: string;
  readonly rounds: readonly Round[];
  readonly bigHead: BigHeadFigures | undefined;
  /** Of headgate only: other proxies would read all of it. */
  readonly hugeHead: BigHeadFigures | undefined;
  readonly peakRssBytes: number;
  readonly startMs: number | undefined;
}

/** The duration of load on one peer. */
export const ROUND_SECONDS = 1;
const SMALL_CONNECTIONS = 32;
const DOWNLOADS = 4;
const BIG_HEADS = 20;

/** Measures the running peers in turns, round by round. */
export async function measurePeers(
  bench: Bench,
  running: readonly RunningPeer[],
  options: Options,
): Promise<Figures[]> {
  const usage = createUsageReader();
  const taken = new Map(running.map((one): [RunningPeer, Round[]] => [one, []]));
  for (const one of running) await warmUp(bench, one);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const one of rotate(running, round))
      taken.get(one)?.push(await measureRound(bench, one, usage));
  }
  const figures: Figures[] = [];
  for (const [one, rounds] of taken) {
    const { kind, name } = one.peer;
    const isHeadgate = kind === "option" || name === "headgate";
    figures.push({
      name,
      rounds,
      ...toMedians(rounds),
      bigHead: kind === "proxy" ? await measureBigHead(bench, one, "/big") : undefined,
      hugeHead: isHeadgate ? await measureBigHead(bench, one, "/huge") : undefined,
      peakRssBytes: usage.peakRssBytes(one.child.pid),
      startMs:
        one.peer.runtime === "node" ? await measureStart(bench, one, options.starts) : undefined,
    });
  }
  return figures;
}

async function measureRound(bench: Bench, one: RunningPeer, usage: UsageReader): Promise<Round> {
  return {
    get: await measureCalmly(() =>
      measureSmall(bench, one, { usage, load: small("GET", ROUND_SECONDS) }),
    ),
    head: await measureCalmly(() =>
      measureSmall(bench, one, { usage, load: small("HEAD", ROUND_SECONDS) }),
    ),
    download: one.peer.kind === "proxy" ? await measureDownload(bench, one, usage) : undefined,
  };
}

function small(method: Load["method"], seconds: number): Load {
  return { method, path: "/small", connections: SMALL_CONNECTIONS, seconds };
}

/**
 * Runs load until the just-in-time compiler has settled: for its first requests a bare http-proxy needs three times as long, and it
 * becomes faster up to about 40,000 requests. The figures are those of a process that has run for a while.
 */
async function warmUp(bench: Bench, { port }: RunningPeer): Promise<void> {
  await runLoad(bench.tools, port, { ...small("GET", 10), requests: 40_000 });
  await runLoad(bench.tools, port, { ...small("HEAD", 10), requests: 40_000 });
}

async function measureSmall(
  bench: Bench,
  { child, port }: RunningPeer,
  { usage, load }: { readonly usage: UsageReader; readonly load: Load },
): Promise<SmallFigures> {
  const before = await bench.backend.counters();
  const cpuBefore = usage.cpuUs(child.pid);
  const result = await runLoad(bench.tools, port, load);
  const cpuUs = usage.cpuUs(child.pid) - cpuBefore;
  const after = await bench.backend.counters();
  return {
    cpuUs: cpuUs / result.done,
    perSecond: result.done / result.seconds,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    coreShare: cpuUs / 1e6 / result.seconds,
    connections: (after.connections - before.connections) / result.done,
  };
}

/** Measures bytes that arrived, not complete downloads: the last downloads are cut off when the time is over. */
async function measureDownload(
  bench: Bench,
  { child, port }: RunningPeer,
  usage: UsageReader,
): Promise<DownloadFigures> {
  const cpuBefore = usage.cpuUs(child.pid);
  const load: Load = {
    method: "GET",
    path: "/big",
    connections: DOWNLOADS,
    seconds: ROUND_SECONDS,
  };
  const { bytes, seconds } = await runLoad(bench.tools, port, load);
  const cpuUs = usage.cpuUs(child.pid) - cpuBefore;
  return { megabytesPerSecond: bytes / seconds / 1e6, cpuMs: cpuUs / 1000 / (bytes / BIG_BYTES) };
}

async function measureBigHead(
  bench: Bench,
  { port }: RunningPeer,
  path: "/big" | "/huge",
): Promise<BigHeadFigures> {
  const before = await bench.backend.settledCounters();
  const load: Load = {
    method: "HEAD",
    path,
    connections: 1,
    seconds: 60,
    requests: BIG_HEADS,
  };
  const { seconds, done } = await runLoad(bench.tools, port, load);
  const after = await bench.backend.settledCounters();
  return {
    pulledBytes: (after.bigBytes - before.bigBytes) / done,
    connections: (after.connections - before.connections) / done,
    ms: (seconds * 1000) / done,
  };
}

async function measureStart(bench: Bench, { peer }: RunningPeer, times: number): Promise<number> {
  const took: number[] = [];
  for (let start = 0; start < times; start += 1) {
    const { child, startMs } = await startPeer(bench, peer);
    took.push(startMs);
    await child.stop(2000);
  }
  return median(took);
}
