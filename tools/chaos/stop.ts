/** Stops headgate by SIGTERM while clients send: what is in flight must finish, and a request that does not may not have been sent. */

import { setTimeout as pause } from "node:timers/promises";

import { type ClientParts, startClients } from "./client.ts";
import type { ChaosOptions } from "./options.ts";
import type { Random } from "../shared/random.ts";
import type { Target } from "./target.ts";

/** What the stops work with. */
export interface StopParts extends Omit<ClientParts, "number" | "ports"> {
  readonly options: ChaosOptions;
  readonly random: Random;
  /** Starts a new headgate. */
  restart(): Promise<Target>;
}

/** One stop for so many seconds of the run. */
const SECONDS_PER_STOP = 10;
/** More than the grace period of the shutdown. */
const MAX_STOP_MS = 40_000;

/** Starts and stops headgate several times, each time under new clients. */
export async function stopUnderLoad(parts: StopParts): Promise<void> {
  const { options, ledger } = parts;
  const count = Math.max(1, Math.round(options.seconds / SECONDS_PER_STOP));
  for (let round = 1; round <= count && ledger.violations.length === 0; round += 1)
    await stopOnce(parts, round);
}

async function stopOnce(parts: StopParts, round: number): Promise<void> {
  const { calm, ledger, options, random } = parts;
  const target = await parts.restart();
  calm.watch(target.pid);
  let isStopping = false;
  const clients = startClients(
    { clients: options.clients, seed: options.seed + round * 1_000 },
    {
      ...parts,
      name: `s${round}-`,
      ports: target.ports,
      isStopping: () => isStopping,
      isOver: () => target.ended() !== undefined,
    },
  );
  await pause(300 + random.below(1_500));
  isStopping = true;
  const stopped = target.stop();
  const code = await Promise.race([stopped, pause(MAX_STOP_MS, "still running", { ref: false })]);
  if (code !== 0) ledger.violated(`headgate ended with ${String(code)} when it was stopped`);
  if (code === "still running") target.signal("SIGKILL");
  await Promise.all(clients);
  for (const line of target.logged("proxy_internal_error").slice(0, 5))
    ledger.violated(`headgate's own fault: ${line}`);
  ledger.count("stops under load");
}
