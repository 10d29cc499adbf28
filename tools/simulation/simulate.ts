/** Runs one schedule from its start until nothing is left to do. */

import { checkEnd, checkError, checkMoment } from "./checks.ts";
import { startClient } from "./client.ts";
import { names } from "./dns.ts";
import { type ConnectResult, type MemoryHandle, network } from "./handle.ts";
import { type Counts, Ledger } from "./ledger.ts";
import { installClock, loop } from "./loop.ts";
import { CHANGE, type ConnectPlan, PLAIN, type Schedule, type Settings } from "./schedule.ts";
import { type Subject, createSubject } from "./subject.ts";
import { acceptConnection } from "./upstream.ts";

/** The result of a schedule. */
export interface Outcome {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly turns: number;
}

/** The latest time at which headgate is stopped, and the time at which all must be over, in milliseconds. */
const STOP_MS = 2_500;
const MAX_MS = 100_000;
const MAX_TURNS = 30_000;

/** Prepares the process: it uses the loop's clock from then on. */
export function prepare(): void {
  installClock();
}

/** Runs a schedule and returns its violations. */
export function simulate(
  schedule: Schedule,
  counts: Counts,
  trace: "traced" | "untraced" = "untraced",
): Outcome {
  // Most errors here are intended, and the stack is most of the cost of an error.
  Error.stackTraceLimit = trace === "traced" ? 10 : 0;
  loop.reset(schedule.order);
  network.sockets.clear();
  const settings: Settings = { ...PLAIN, ...schedule.settings };
  const ledger = new Ledger(settings, counts);
  ledger.isTraced = trace === "traced";
  listenForFaults(ledger);
  dialBy(schedule, ledger);
  const subject = createSubject(settings, schedule.name !== undefined, ledger);
  for (const [number, plan] of schedule.clients.entries()) startClient(ledger, plan, number);
  for (const { atMs, what } of schedule.events ?? [])
    loop.at(atMs, () => operate(subject, ledger, what));
  loop.at(STOP_MS, () => operate(subject, ledger, "stop"));
  run(ledger, subject);
  current.ledger = undefined;
  return { violations: ledger.violations, trace: ledger.trace, turns: loop.turns };
}

function run(ledger: Ledger, subject: Subject): void {
  try {
    while (ledger.violations.length === 0) {
      loop.turn();
      if (loop.turns > MAX_TURNS) return ledger.fail("it does not come to rest");
      if (!loop.isQuiet()) continue;
      for (const asked of ledger.takeEnded()) checkError(ledger, asked);
      checkMoment(ledger, subject);
      if (!loop.advance()) break;
      if (loop.nowMs > MAX_MS) return ledger.fail("it does not end");
    }
    if (ledger.violations.length === 0) checkEnd(ledger, subject);
  } catch (error) {
    ledger.fail(`it threw ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
  }
}

function operate(subject: Subject, ledger: Ledger, what: "reload" | "change" | "stop"): void {
  ledger.note(`operator: ${what}`);
  ledger.count(`operator: ${what}`);
  if (what === "stop") return subject.stop();
  if (what === "change") ledger.hasReloaded = true;
  subject.reload(what === "reload" ? {} : CHANGE);
}

function dialBy(schedule: Schedule, ledger: Ledger): void {
  let attempts = 0;
  names.afterMs = schedule.name?.lookupMs ?? 0;
  names.addresses = Array.from(
    { length: schedule.name?.addresses ?? 1 },
    (_, index) => `192.0.2.${index + 1}`,
  );
  network.dial = (handle) => {
    const plan = schedule.dials?.[attempts] ?? {};
    attempts += 1;
    handle.local = { address: "127.0.0.1", port: 10_000 + attempts };
    const { result = "connected" } = plan;
    ledger.count(`dial ${result}`);
    ledger.note(`dial ${attempts}: ${result}`);
    if (result === "reset" || plan.unsolicited === true) ledger.hasBadDial = true;
    return toDialled(plan, ledger);
  };
}

function toDialled(plan: ConnectPlan, ledger: Ledger): ConnectResult {
  const { afterMs = 0, result } = plan;
  return {
    afterMs: result === "never" ? Infinity : afterMs,
    status: result === "refused" ? -111 : 0,
    onConnected(handle: MemoryHandle) {
      acceptConnection(ledger, handle, plan);
      if (result === "reset") handle.receiveReset();
    },
  };
}

/** The run that uncaught errors of the process belong to. */
const current: { ledger: Ledger | undefined; isListening: boolean } = {
  ledger: undefined,
  isListening: false,
};

function listenForFaults(ledger: Ledger): void {
  current.ledger = ledger;
  if (current.isListening) return;
  current.isListening = true;
  const onFault = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    current.ledger?.fail(`unheard: ${text}`);
  };
  process.on("uncaughtException", onFault).on("unhandledRejection", onFault);
}
