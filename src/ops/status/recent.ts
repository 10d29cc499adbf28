/** The last HEADs and the last failures, for a person who looks. */

import type { Exchange } from "../../http/exchange.ts";
import { splitTarget } from "../../http/secrets.ts";
import { toPrintable } from "../log/printable.ts";
import { toStatus } from "../metrics/counters.ts";

/** One finished exchange, fit to be shown: no query, no fields, nothing unprintable. */
export interface RecentExchange {
  /** Counts up from 1, so that a reader knows which ones it has seen. */
  readonly number: number;
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly head: string | undefined;
  readonly body: string | undefined;
  readonly bytesDrained: number;
  readonly bytesSpared: number;
  readonly error: string | undefined;
}

export interface Recent {
  /** Notes an exchange if it was a HEAD or failed through no fault of its client's. About 0.05 µs. */
  add(exchange: Exchange): void;
  /** The newest first. */
  heads(): readonly RecentExchange[];
  errors(): readonly RecentExchange[];
}

/** How many are kept of each. */
const MAX_STORED = 50;
const MAX_METHOD = 32;
const MAX_PATH = 256;

/** Not the exchange itself: its fields hold credentials, which should not outlive the request, not even in memory. */
interface StoredExchange extends Pick<Exchange, "method" | "target" | "head" | "body"> {
  readonly number: number;
  /** By the wall clock, unlike an exchange's times. */
  readonly endedAtMs: number;
  readonly durationMs: number;
  readonly route: string | undefined;
  readonly status: number;
  readonly bytesDrained: number;
  readonly bytesSpared: number;
  readonly error: string | undefined;
}

interface Ring {
  readonly stored: StoredExchange[];
  added: number;
}

export function createRecent(): Recent {
  const heads: Ring = { stored: [], added: 0 };
  const errors: Ring = { stored: [], added: 0 };
  return {
    add(exchange) {
      if (exchange.method === "HEAD") put(heads, exchange);
      if (isShownAsError(exchange)) put(errors, exchange);
    },
    heads: () => newestFirst(heads).map(toFinished),
    errors: () => newestFirst(errors).map(toFinished),
  };
}

// Bad requests of clients are left out: any scanner sends enough of them to push out what matters.
function isShownAsError({ error, status }: Exchange): boolean {
  return error === undefined ? status >= 500 : error.fault !== "client";
}

function put(ring: Ring, exchange: Exchange): void {
  const { method, target, head, body, route, startedMs, endedMs = startedMs } = exchange;
  ring.stored[ring.added % MAX_STORED] = {
    number: ring.added + 1,
    endedAtMs: Date.now(),
    durationMs: endedMs - startedMs,
    method,
    target,
    head,
    body,
    route: route?.name,
    status: toStatus(exchange),
    bytesDrained: exchange.bytesDrained,
    bytesSpared: exchange.bytesSpared,
    error: exchange.error?.code,
  };
  ring.added += 1;
}

function newestFirst({ stored }: Ring): StoredExchange[] {
  return stored.toSorted((a, b) => b.number - a.number);
}

function toFinished(stored: StoredExchange): RecentExchange {
  const { endedAtMs, target, method, durationMs, ...rest } = stored;
  return {
    ...rest,
    at: new Date(endedAtMs).toISOString(),
    method: toPrintable(method, MAX_METHOD),
    path: toPrintable(splitTarget(target).path, MAX_PATH),
    durationMs: Math.round(durationMs * 1000) / 1000,
  };
}
