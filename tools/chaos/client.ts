/** One client: opens connections, sends requests in every manner, and judges each response. */

import type { Calm } from "./calm.ts";
import { isHarmless } from "./faults.ts";
import { judge } from "./judge.ts";
import type { Exchange, Ledger } from "./ledger.ts";
import { PERFORMANCES } from "./manners.ts";
import { type Observed, observeResponse } from "./observe.ts";
import { MANNERS, type Roads, drawPlan } from "./plan.ts";
import type { Random } from "../shared/random.ts";
import { toBytes } from "./request.ts";
import { type ChaosPorts, type ChaosWire, openChaosWire } from "./wire.ts";

/** The parts of a client. */
export interface ClientParts {
  readonly number: number;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly calm: Calm;
  readonly ports: ChaosPorts;
  /** The upstreams, with the probability of each. */
  readonly roads: Roads;
  isOver(): boolean;
}

/** Runs until the run is over, and closes its connections. */
export async function runClient(parts: ClientParts): Promise<void> {
  let count = 0;
  const nextId = (): string => `c${parts.number}-${(count += 1)}`;
  while (!parts.isOver()) {
    const wire = await openChaosWire(parts.number, parts.ports, parts.random);
    try {
      await useConnection(wire, nextId, parts);
    } finally {
      // After this turn: in a callback of a read, the end of a TLS socket whose TCP socket is gone crashes Node.
      setImmediate(() => wire.socket.destroy());
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

/** Sends several requests in one write and reads their responses in order. Resolves with whether the connection is still usable. */
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
    // An early or failed response may close the connection before the requests after it get a response.
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
