import type { Bench } from "../bench.ts";
import type { SmallFigures } from "../measure.ts";
import { toMedians } from "../median.ts";
import type { Peer } from "../peers.ts";
import { measureCalmly, rotate } from "../rounds.ts";
import { createUsageReader, type UsageReader } from "../usage.ts";
import { runH2load, type TlsLoad } from "./h2load.ts";
import { TLS_LOADS, type TlsLoadName } from "./loads.ts";
import { startTlsPeers, type TlsPeer } from "./start.ts";

/** h2load shows no percentiles. */
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
  for (const one of running) await warmUp(one);
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
async function warmUp({ port, loads }: TlsPeer): Promise<void> {
  for (const name of loads) {
    const load: TlsLoad = TLS_LOADS[name];
    const length = "seconds" in load.length ? { seconds: WARM_SECONDS } : load.length;
    await runH2load(port, { ...load, length }, () => 0);
  }
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
  const { done, seconds, cpuUs } = await runH2load(port, load, () => usage.cpuUs(child.pid));
  const after = await bench.backend.counters();
  return {
    cpuUs: cpuUs / done,
    perSecond: done / seconds,
    coreShare: cpuUs / 1e6 / seconds,
    connections: (after.connections - before.connections) / (after.requests - before.requests),
  };
}
