/** One run: clients and upstreams around one headgate, then a quiet period after which nothing may be left over. */

import { createCalm } from "./calm.ts";
import { type ClientParts, startClients } from "./client.ts";
import { type DisturbParts, disturb, startUpstreams, stopUpstreams, toYaml } from "./disturb.ts";
import { type Measured, findGrowth } from "./growth.ts";
import { type Holdings, findLeftovers, readHoldings } from "./leftovers.ts";
import { type Ledger, createLedger } from "./ledger.ts";
import { startNames } from "../shared/names.ts";
import type { ChaosOptions } from "./options.ts";
import type { Roads } from "./plan.ts";
import { createRandom } from "../shared/random.ts";
import { INSPECTED } from "../../test/support/live-memory.ts";
import { namesMissing } from "../../test/support/names.ts";
import { withFiles } from "../../test/support/namespace.ts";
import { makeFolder } from "../shared/folder.ts";
import { stopUnderLoad } from "./stop.ts";
import { type Target, startTarget } from "./target.ts";

/** The result of a run. */
export interface ChaosResult {
  readonly ledger: Ledger;
  readonly seconds: number;
  /** Undefined if the run was over before headgate was warm, or if headgate ended. */
  readonly memory: { readonly warm: Measured; readonly end: Measured } | undefined;
}

/** The rest of the run draws other exchanges than the clients before it. */
const SEED_OF_REST = 500_000;
const QUIET_MS = 40_000;
const MAX_VIOLATIONS = 20;

/**
 * Runs chaos. The ledger holds the violations; `say` prints progress. `planted` are further options of node, for a fault.
 *
 * Live memory is measured twice, each time while no client sends anything: after `options.warm` requests, when all code has run, and at
 * the end.
 */
export async function runChaos(
  options: ChaosOptions,
  say: (line: string) => void,
  planted: readonly string[] = [],
): Promise<ChaosResult> {
  const ledger = createLedger();
  const calm = createCalm();
  const random = createRandom(options.seed);
  const folder = makeFolder("chaos");
  const upstreams = await startUpstreams(folder, { ledger, calm, random });
  const { roads, through, stop } = await nameUpstreams(folder, options.roads, say);
  const node = [INSPECTED, ...planted];
  const target = await startTarget(folder, toYaml(upstreams, 0), { through, node });
  calm.watch(target.pid);
  const before = await look(target);
  const watch = watchProgress(target, { ledger, options, say });
  const { versions } = options;
  const isStopping = (): boolean => false;
  const parts = { target, upstreams, calm, ledger, random, isStopping, roads, versions };
  const isWarm = (): boolean => watch.isOver() || ledger.ended() >= options.warm;
  await disturbClients({ ...parts, name: "w", isOver: isWarm }, options, say);
  const warm = watch.isOver() ? undefined : await measureSilence(target, before, ledger);
  const rest = { ...options, seed: options.seed + SEED_OF_REST };
  await disturbClients({ ...parts, name: "c", isOver: watch.isOver }, rest, say);
  const seconds = watch.stop();
  await pause(100); // its exit may come shortly after the end of its connections
  if (target.ended() !== undefined) noteEnd(target, ledger);
  const end = await measureSilence(target, before, ledger);
  const memory = warm === undefined || end === undefined ? undefined : { warm, end };
  if (memory !== undefined)
    for (const growth of findGrowth(memory.warm, memory.end)) ledger.violated(growth);
  await finish(target, ledger);
  const restart = (): Promise<Target> =>
    startTarget(folder, toYaml(upstreams, 0), { through, node: [] });
  await stopUnderLoad({ ...parts, isOver: watch.isOver, options, restart });
  await stopUpstreams(upstreams);
  stop();
  calm.stop();
  for (const { id } of ledger.violations) {
    const lines = id === "" ? [] : target.logged(`"request_id":"${id}"`);
    for (const line of lines) say(`log: ${line}`);
  }
  return { ledger, seconds, memory };
}

/** Lets clients send, and disturbs them, until that is over. */
async function disturbClients(
  parts: DisturbParts & Omit<ClientParts, "number" | "ports">,
  options: ChaosOptions,
  say: (line: string) => void,
): Promise<void> {
  const { target } = parts;
  const all = [...startClients(options, { ...parts, ports: target.ports }), disturb(parts)];
  await Promise.all(all).catch((error: unknown) => {
    say(`headgate ${target.ended() ?? "runs"}; its last lines:`);
    for (const line of target.logged("").slice(-20)) say(line);
    throw error;
  });
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
  const tell = (): void => say(`${seconds().toFixed(0)} s: ${ledger.ended()} requests`);
  const timer = setInterval(tell, Math.min(10_000, options.seconds * 100));
  return {
    isOver: (): boolean =>
      ledger.violations.length > MAX_VIOLATIONS ||
      target.ended() !== undefined ||
      (seconds() >= options.seconds && ledger.ended() >= options.requests),
    stop() {
      clearInterval(timer);
      return seconds();
    },
  };
}

type Look = Awaited<ReturnType<typeof look>>;

async function look(target: Target): Promise<{ holdings: Holdings; page: string }> {
  const page = await target.metrics();
  return { page, holdings: readHoldings(target.pid) };
}

/** Measures the live memory once nothing is left over; undefined if headgate has ended. */
async function measureSilence(
  target: Target,
  before: Look,
  ledger: Ledger,
): Promise<Measured | undefined> {
  if (target.ended() !== undefined) return undefined;
  await judgeSilence(target, before, ledger);
  return { requests: ledger.ended(), memory: await target.liveMemory() };
}

/** Waits until nothing is left over, or longer than any limit of headgate. */
async function judgeSilence(target: Target, before: Look, ledger: Ledger): Promise<void> {
  const patience = AbortSignal.timeout(QUIET_MS);
  for (;;) {
    const leftovers = findLeftovers(before, await look(target));
    if (leftovers.length === 0) return;
    if (patience.aborted) {
      for (const leftover of leftovers) ledger.violated(`left over: ${leftover}`);
      return;
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
