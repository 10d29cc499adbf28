/** One client: opens connections, asks in every manner, and has each answer judged. */

import type { Calm } from "./calm.ts";
import { isHarmless } from "./faults.ts";
import { judge } from "./judge.ts";
import type { Exchange, Ledger } from "./ledger.ts";
import { PERFORMANCES } from "./manners.ts";
import { type Observed, observeResponse } from "./observe.ts";
import { MANNERS, type Roads, drawPlan } from "./plan.ts";
import type { Random } from "../shared/random.ts";
import { toBytes } from "./request.ts";
import { type ChaosWire, openChaosWire } from "./wire.ts";

export interface ClientParts {
  readonly number: number;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly calm: Calm;
  readonly port: number;
  /** Which upstreams there are, and how often each is taken. */
  readonly roads: Roads;
  isOver(): boolean;
}

/** Runs until it is over, and leaves no connection. */
export async function runClient(parts: ClientParts): Promise<void> {
  let count = 0;
  const nextId = (): string => `c${parts.number}-${(count += 1)}`;
  while (!parts.isOver()) {
    const wire = await openChaosWire(parts.number, parts.port);
    try {
      await useConnection(wire, nextId, parts);
    } finally {
      wire.socket.destroy();
    }
  }
}

async function useConnection(
  wire: ChaosWire,
  nextId: () => string,
  parts: ClientParts,
): Promise<void> {
  const { random, isOver, ledger, roads } = parts;
  for (let left = 1 + random.below(40); left > 0 && !isOver(); left -= 1) {
    const manner = random.weighted(MANNERS);
    if (manner !== "plain") {
      const exchange = ledger.begin(drawPlan(random, nextId(), manner, roads));
      exchange.note(`after ${JSON.stringify(wire.history.slice(-3))}`);
      const observed = await PERFORMANCES[manner]({ wire, exchange, random });
      remember(wire, exchange, observed);
      settle(exchange, observed, { isCutShort: false }, parts);
      if (!isReusable(exchange, observed)) return;
    } else if (!(await performBatch(wire, nextId, parts))) return;
  }
}

/** Several requests in one write, answered in order; resolves with whether the connection serves on. */
async function performBatch(
  wire: ChaosWire,
  nextId: () => string,
  parts: ClientParts,
): Promise<boolean> {
  const { random, ledger, roads } = parts;
  const size = random.chance(0.6) ? 1 : 2 + random.below(5);
  const exchanges = Array.from({ length: size }, () =>
    ledger.begin(drawPlan(random, nextId(), "plain", roads)),
  );
  wire.socket.write(Buffer.concat(exchanges.map(({ plan }) => toBytes(plan))));
  let isAlive = true;
  let isCutShort = false;
  for (const exchange of exchanges) {
    exchange.note(`after ${JSON.stringify(wire.history.slice(-3))}`);
    const observed: Observed = isAlive
      ? await observeResponse(wire, exchange)
      : { kind: "unanswered" };
    remember(wire, exchange, observed);
    settle(exchange, observed, { isCutShort }, parts);
    isAlive &&= isReusable(exchange, observed);
    // An early answer, or a failed one, may end the connection under those behind it.
    isCutShort ||= !isAlive || !isHarmless(exchange.plan.fault) || exchange.plan.road === "hung";
  }
  return isAlive;
}

function remember(wire: ChaosWire, { plan }: Exchange, observed: Observed): void {
  const { method, manner, fault, framing, size, upload } = plan;
  wire.history.push([method, manner, fault, framing, size, upload, toOutcome(observed)].join(" "));
}

function isReusable({ plan }: Exchange, observed: Observed): boolean {
  return observed.kind === "answer" && !observed.closes && plan.fault !== "upgrade";
}

function settle(
  exchange: Exchange,
  observed: Observed,
  { isCutShort }: { readonly isCutShort: boolean },
  { ledger, calm }: ClientParts,
): void {
  const { plan, startedMs } = exchange;
  const isRace = calm.wasIdleClosedSince(plan.road, startedMs);
  const judgeNow = (): string | undefined => {
    const excuses = calm.excuses(plan.road, startedMs);
    return judge(exchange, observed, { excuses, isRace, isCutShort });
  };
  let fault = judgeNow();
  if (fault !== undefined) {
    calm.look();
    fault = judgeNow();
  }
  ledger.count(toOutcome(observed));
  if (fault === undefined) ledger.passed(exchange);
  else ledger.violated(fault, exchange);
}

function toOutcome(observed: Observed): string {
  if (observed.kind !== "answer") return observed.kind;
  return observed.from === "upstream" ? "answered" : `headgate ${observed.status}`;
}
