/** Begins the exchanges of one connection, and judges and records what its client saw of each. */

import type { Calm } from "./calm.ts";
import { judge } from "./judge.ts";
import type { Exchange, Ledger } from "./ledger.ts";
import { type Observed, toOutcome } from "./observed.ts";
import { type Manner, type Roads, drawPlan } from "./plan.ts";
import type { Random } from "../shared/random.ts";

/** The desk of one connection. */
export interface Desk {
  readonly random: Random;
  begin(manner: Manner): Exchange;
  /** `isCutShort`: an earlier exchange of the same connection may have closed it. */
  settle(exchange: Exchange, observed: Observed, how?: { readonly isCutShort: boolean }): void;
  /** Records a violation of the connection itself. */
  violated(what: string): void;
  isOver(): boolean;
  isStopping(): boolean;
}

/** A client's connection, whatever its version of HTTP. */
export interface ClientConnection {
  /** Sends requests until it has ended or the client wants another one. */
  use(desk: Desk): Promise<void>;
  close(): void;
}

/** The parts that a desk works with. */
export interface DeskParts {
  readonly random: Random;
  readonly ledger: Ledger;
  readonly calm: Calm;
  /** The upstreams, with the probability of each. */
  readonly roads: Roads;
  isOver(): boolean;
  /** Whether headgate was told to stop. */
  isStopping(): boolean;
}

/** Creates the desk of one connection. `version` is for the summary and the trace. */
export function createDesk(version: string, nextId: () => string, parts: DeskParts): Desk {
  const { random, ledger, calm, roads, isOver, isStopping } = parts;
  /** The earlier events of the connection, for the trace. */
  const history: string[] = [];
  return {
    random,
    isOver,
    isStopping,
    violated: (what) => ledger.violated(`${what} (${version}, after ${history.slice(-3).join()})`),
    begin(manner) {
      const exchange = ledger.begin(drawPlan(random, nextId(), manner, roads));
      exchange.note(`${version}, after ${JSON.stringify(history.slice(-3))}`);
      return exchange;
    },
    settle(exchange, observed, { isCutShort } = { isCutShort: false }) {
      const { plan, startedMs } = exchange;
      const { method, manner, fault, framing, size, upload } = plan;
      history.push([method, manner, fault, framing, size, upload, toOutcome(observed)].join(" "));
      if (history.length > 3) history.shift();
      const isRace = calm.wasIdleClosedSince(plan.road, startedMs);
      const judgeNow = (): string | undefined => {
        const excuses = calm.excuses(plan.road, startedMs);
        return judge(exchange, observed, {
          excuses,
          isRace,
          isCutShort,
          isStopping: isStopping(),
        });
      };
      let wrong = judgeNow();
      if (wrong !== undefined) {
        calm.look();
        wrong = judgeNow();
      }
      ledger.count(toOutcome(observed));
      ledger.count(`over ${version}`);
      if (wrong === undefined) ledger.passed(exchange);
      else ledger.violated(wrong, exchange);
    },
  };
}
