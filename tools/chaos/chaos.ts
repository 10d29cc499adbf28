/** One run: clients and upstreams around one headgate, then a quiet period after which nothing may be left over. */

import { createCalm } from "./calm.ts";
import { startClients } from "./client.ts";
import { disturb, startUpstreams, stopUpstreams, toYaml } from "./disturb.ts";
import { type Holdings, findLeftovers, readHoldings } from "./leftovers.ts";
import { type Ledger, createLedger } from "./ledger.ts";
import { startNames } from "../shared/names.ts";
import type { ChaosOptions } from "./options.ts";
import type { Roads } from "./plan.ts";
import { createRandom } from "../shared/random.ts";
import { namesMissing } from "../../test/support/names.ts";
import { withFiles } from "../../test/support/namespace.ts";
import { makeFolder } from "../shared/folder.ts";
import { stopUnderLoad } from "./stop.ts";
import { type Target, startTarget } from "./target.ts";

/** The result of a run. */
export interface ChaosResult {
  readonly ledger: Ledger;
  readonly seconds: number;
  readonly rssBytes: { readonly warm: number; readonly end: number };
}

// V8 returns memory late: after the first tenth of a run, a process still varies by this much. A leak of 100 bytes per exchange
// exceeds it within the million exchanges of a soak.
const MAX_GROWTH_BYTES = 64 * 1024 ** 2;
// On a busy machine a tenth of the time may pass before all code has run.
const WARM_REQUESTS = 1_000;
const QUIET_MS = 40_000;
const MAX_VIOLATIONS = 20;

/** Runs chaos. The ledger holds the violations; `say` prints progress. */
export async function runChaos(
  options: ChaosOptions,
  say: (line: string) => void,
): Promise<ChaosResult> {
  const ledger = createLedger();
  const calm = createCalm();
  const random = createRandom(options.seed);
  const folder = makeFolder("chaos");
  const upstreams = await startUpstreams(folder, { ledger, calm, random });
  const named = await nameUpstreams(folder, options.roads, say);
  const target = await startTarget(folder, toYaml(upstreams, 0), named.through);
  calm.watch(target.pid);
  const before = await look(target);
  const watch = watchProgress(target, { ledger, options, say });
  const { isOver } = watch;
  const { roads } = named;
  const { versions } = options;
  const isStopping = (): boolean => false;
  const parts = { target, upstreams, calm, ledger, random, isOver, isStopping, roads, versions };
  const all = [...startClients(options, { ...parts, ports: target.ports }), disturb(parts)];
  await Promise.all(all).catch((error: unknown) => {
    say(`headgate ${target.ended() ?? "runs"}; its last lines:`);
    for (const line of target.logged("").slice(-20)) say(line);
    throw error;
  });
  const { seconds, warm } = watch.stop();
  await pause(100); // its exit may come shortly after the end of its connections
  if (target.ended() !== undefined) noteEnd(target, ledger);
  const end = await judgeSilence(target, before, ledger);
  const rssBytes = { warm: (warm ?? end).rssBytes, end: end.rssBytes };
  if (rssBytes.end - rssBytes.warm > MAX_GROWTH_BYTES)
    ledger.violated(`memory grew from ${rssBytes.warm} to ${rssBytes.end} bytes`);
  await finish(target, ledger);
  const restart = (): Promise<Target> => startTarget(folder, toYaml(upstreams, 0), named.through);
  await stopUnderLoad({ ...parts, options, restart });
  await stopUpstreams(upstreams);
  named.stop();
  calm.stop();
  for (const { id } of ledger.violations) {
    const lines = id === "" ? [] : target.logged(`"request_id":"${id}"`);
    for (const line of lines) say(`log: ${line}`);
  }
  return { ledger, seconds, rssBytes };
}

/** Creates the upstreams' names if this machine allows mount namespaces; in CI it must. */
async function nameUpstreams(folder: string, wanted: Roads, say: (line: string) => void) {
  const missing = namesMissing();
  if (missing === false) {
    const { files, stop } = await startNames();
    return { roads: wanted, through: withFiles(folder, files), stop };
  }
  say(`without upstreams that have names: ${missing}`);
  const { pair: _pair, slow: _slow, hung: _hung, ...roads } = wanted;
  return { roads, through: [], stop: () => undefined };
}

interface Watched {
  readonly ledger: Ledger;
  readonly options: ChaosOptions;
  readonly say: (line: string) => void;
}

/** Prints progress now and then, and detects the end of the run. */
function watchProgress(target: Target, { ledger, options, say }: Watched) {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1_000;
  let warm: Holdings | undefined;
  const tell = (): void => {
    if (target.ended() !== undefined) return;
    const holdings = readHoldings(target.pid);
    if (seconds() > options.seconds / 10 && ledger.ended() >= WARM_REQUESTS) warm ??= holdings;
    const mebibytes = (holdings.rssBytes / 1024 ** 2).toFixed(0);
    say(`${seconds().toFixed(0)} s: ${ledger.ended()} requests, ${mebibytes} MiB`);
  };
  const timer = setInterval(tell, Math.min(10_000, options.seconds * 100));
  return {
    isOver: (): boolean =>
      ledger.violations.length > MAX_VIOLATIONS ||
      target.ended() !== undefined ||
      (seconds() >= options.seconds && ledger.ended() >= options.requests),
    stop() {
      clearInterval(timer);
      return { seconds: seconds(), warm };
    },
  };
}

type Look = Awaited<ReturnType<typeof look>>;

async function look(target: Target): Promise<{ holdings: Holdings; page: string }> {
  const page = await target.metrics();
  return { page, holdings: readHoldings(target.pid) };
}

/** Waits until nothing is left over, or longer than any limit of headgate. */
async function judgeSilence(target: Target, before: Look, ledger: Ledger): Promise<Holdings> {
  if (target.ended() !== undefined) return before.holdings;
  const patience = AbortSignal.timeout(QUIET_MS);
  for (;;) {
    const after = await look(target);
    const leftovers = findLeftovers(before, after);
    if (leftovers.length === 0) return after.holdings;
    if (patience.aborted) {
      for (const leftover of leftovers) ledger.violated(`left over: ${leftover}`);
      return after.holdings;
    }
    await pause(100);
  }
}

function noteEnd(target: Target, ledger: Ledger): void {
  const said = target.logged("").slice(-30).join("\n");
  ledger.violated(`headgate ended by itself: ${target.ended() ?? ""}\n${said}`);
}

async function finish(target: Target, ledger: Ledger): Promise<void> {
  if (target.ended() !== undefined) return;
  for (const line of target.logged("proxy_internal_error").slice(0, 5))
    ledger.violated(`headgate's own fault: ${line}`);
  const code = await target.stop();
  if (code !== 0) ledger.violated(`headgate ended with ${String(code)}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
