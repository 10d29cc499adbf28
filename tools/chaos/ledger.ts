/** Records every exchange, its result, and violations. */

import { findWrongMethod } from "./heads.ts";
import type { Plan } from "./plan.ts";

/** One arrival of a request at the upstream. */
export interface Send {
  readonly method: string;
  /** 1 for the first request of its connection. */
  readonly turn: number;
  /** How the upstream has ended that connection so far. */
  ended(): "no" | "end" | "reset";
  /** Whether the upstream has written a byte of its response. */
  hasResponse(): boolean;
}

/** One exchange of a client. */
export interface Exchange {
  readonly plan: Plan;
  readonly startedMs: number;
  /** How often its request reached the upstream. */
  arrivals: number;
  /** How often it did with the method of the last time: for a HEAD, headgate may send another request with GET. */
  repetitions: number;
  /** The last time that its request reached the upstream. */
  lastSend: Send | undefined;
  /** Whether the upstream closed a reused connection while it carried the request. */
  isStale: boolean;
  /** Whether an upstream began to respond. */
  hasResponse: boolean;
  note(text: string): void;
  readonly trace: readonly string[];
}

/** A violation, with all that is known about it. */
export interface Violation {
  readonly what: string;
  readonly id: string;
  readonly trace: readonly string[];
}

/** The record of a run. */
export interface Ledger {
  begin(plan: Plan): Exchange;
  /** The exchange of a request that reached the upstream; undefined, and a violation, if no client sent the request. */
  arrived(id: string, send: Send): Exchange | undefined;
  passed(exchange: Exchange): void;
  violated(what: string, exchange?: Exchange): void;
  /** Counts results of exchanges, for the summary. */
  count(outcome: string): void;
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
  begun(): number;
  ended(): number;
}

// A retried request may arrive after its client has left, so ended exchanges are remembered. The oldest are dropped to limit memory.
const MAX_REMEMBERED = 50_000;
const MAX_NOTES = 60;

/** Creates an empty record. */
export function createLedger(): Ledger {
  const exchanges = new Map<string, Exchange>();
  const counts = new Map<string, number>();
  const violations: Violation[] = [];
  let begun = 0;
  let ended = 0;

  const violated = (what: string, exchange?: Exchange): void => {
    const trace = exchange?.trace ?? [];
    violations.push({ what, id: exchange?.plan.id ?? "", trace });
  };
  return {
    counts,
    violations,
    violated,
    begun: () => begun,
    ended: () => ended,
    begin(plan) {
      begun += 1;
      const exchange = createExchange(plan);
      exchanges.set(plan.id, exchange);
      const [oldest] = exchanges.keys();
      if (exchanges.size > MAX_REMEMBERED && oldest !== undefined) exchanges.delete(oldest);
      return exchange;
    },
    arrived(id, send) {
      const exchange = exchanges.get(id);
      if (exchange === undefined) {
        violated(`the upstream got a request that nobody sent: ${JSON.stringify(id)}`);
        return undefined;
      }
      const { method } = send;
      const before = exchange.lastSend?.method === method ? exchange.lastSend : undefined;
      exchange.arrivals += 1;
      exchange.repetitions = before === undefined ? 1 : exchange.repetitions + 1;
      const wrongMethod = findWrongMethod(exchange.plan, method, exchange.lastSend?.method);
      if (wrongMethod !== undefined) violated(wrongMethod, exchange);
      if (exchange.repetitions > 1 && (method === "POST" || method === "PUT"))
        violated(`a ${method} was sent twice`, exchange);
      const fault = faultOfRepetition(before, send);
      if (exchange.repetitions > 2)
        violated(`a request was sent ${exchange.repetitions} times`, exchange);
      else if (fault !== undefined) violated(`a request was sent again ${fault}`, exchange);
      exchange.lastSend = send;
      return exchange;
    },
    passed() {
      ended += 1;
    },
    count: (outcome) => void counts.set(outcome, (counts.get(outcome) ?? 0) + 1),
  };
}

/** A request may be sent again only if a reused connection ended without a response byte, and then on a new connection. */
function faultOfRepetition(before: Send | undefined, now: Send): string | undefined {
  if (before === undefined) return undefined;
  if (before.turn === 1) return "although its connection had served nothing before it";
  if (now.turn !== 1) return "on a connection that had served before";
  if (before.ended() === "no") return "although its connection was alive";
  // A reset may arrive before bytes that were written earlier.
  if (before.ended() === "end" && before.hasResponse()) return "although its response had begun";
  return undefined;
}

function createExchange(plan: Plan): Exchange {
  const startedMs = performance.now();
  const trace = [`plan ${JSON.stringify(plan)}`];
  return {
    plan,
    startedMs,
    arrivals: 0,
    repetitions: 0,
    lastSend: undefined,
    isStale: false,
    hasResponse: false,
    trace,
    note(text) {
      if (trace.length < MAX_NOTES)
        trace.push(`+${(performance.now() - startedMs).toFixed(1)} ms ${text}`);
    },
  };
}
