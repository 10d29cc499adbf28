import type { Bench } from "../bench.ts";
import type { SmallFigures } from "../measure.ts";
import { toMedians } from "../median.ts";
import type { Peer } from "../peers.ts";
import { measureCalmly, rotate } from "../rounds.ts";
import { createUsageReader, type UsageReader } from "../usage.ts";
import { runH2load, type TlsLoad, type TlsLoadResult } from "./h2load.ts";
import { TLS_LOADS, type TlsLoadName } from "./loads.ts";
import { needsOwnLoad, runOwnLoad } from "./own-load.ts";
import { startTlsPeers, type TlsPeer } from "./start.ts";

/** h2load shows no percentiles, so no row has them. */
type TlsLoadFigures = Omit<SmallFigures, "p50Us" | "p99Us">;
/** A load is missing if the peer does not speak its protocol. */
type TlsRound = Readonly<Partial<Record<TlsLoadName, TlsLoadFigures>>>;

/** Medians over the rounds, and the rounds themselves. */
export interface TlsFigures extends TlsRound {
  readonly name: string;
  readonly rounds: readonly TlsRound[];
}

const WARM_SECONDS = 3;

/** Measures the peers over TLS, in turns. What is left out is reported with the reason. */
export async function measureOverTls(
  bench: Bench,
  peers: readonly Peer[],
  { rounds, say }: { readonly rounds: number; readonly say: (line: string) => void },
): Promise<TlsFigures[]> {
  const running = await startTlsPeers(bench, peers, say);
  if (running.length === 0) return [];
  say(`measuring over TLS: ${running.map(({ peer }) => peer.name).join(", ")}`);
  const usage = createUsageReader();
  for (const one of running) await warmUp(bench, one);
  const taken = new Map(running.map((one): [TlsPeer, TlsRound[]] => [one, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const one of rotate(running, round))
      taken.get(one)?.push(await measureRound(bench, one, usage));
  }
  return [...taken].map(([{ peer }, all]) => ({
    ...toMedians(all),
    name: peer.name,
    rounds: all,
  }));
}

/** Runs each load until the just-in-time compiler has settled. */
async function warmUp(bench: Bench, { port, loads }: TlsPeer): Promise<void> {
  for (const name of loads) {
    const load: TlsLoad = TLS_LOADS[name];
    const length = "seconds" in load.length ? { seconds: WARM_SECONDS } : load.length;
    await runTlsLoad(bench, port, { ...load, length }, () => 0);
  }
}

function runTlsLoad(
  { tools }: Bench,
  port: number,
  load: TlsLoad,
  readCpuUs: () => number,
): Promise<TlsLoadResult> {
  if (tools.loadTls === undefined || !needsOwnLoad(load)) return runH2load(port, load, readCpuUs);
  return runOwnLoad(tools.loadTls, port, load, readCpuUs);
}

async function measureRound(bench: Bench, one: TlsPeer, usage: UsageReader): Promise<TlsRound> {
  const round: Partial<Record<TlsLoadName, TlsLoadFigures>> = {};
  for (const name of one.loads)
    round[name] = await measureCalmly(() => measureLoad(bench, one, usage, TLS_LOADS[name]));
  return round;
}

async function measureLoad(
  bench: Bench,
  { child, port }: TlsPeer,
  usage: UsageReader,
  load: TlsLoad,
): Promise<TlsLoadFigures> {
  const before = await bench.backend.counters();
  const readCpuUs = (): number => usage.cpuUs(child.pid);
  const { done, seconds, cpuUs } = await runTlsLoad(bench, port, load, readCpuUs);
  const after = await bench.backend.counters();
  const forwarded = after.requests - before.requests;
  if (forwarded < done)
    throw new Error(`the backend got ${forwarded} requests, and the clients ${done} responses`);
  return {
    cpuUs: cpuUs / done,
    perSecond: done / seconds,
    coreShare: cpuUs / 1e6 / seconds,
    connections: (after.connections - before.connections) / forwarded,
  };
}
