/**
 * Shares responses. It is a single flight, as in Go's package singleflight: of equal HEADs at the same time the first one leads, which means
 * that it is sent, and the others wait for its response. HEADs shortly after it get the response too. In contrast to singleflight, the
 * response decides who may get it; a waiting HEAD that may not tries again.
 */

import type { ProxyError } from "../../http/errors.ts";
import type { TargetUri } from "../../http/request.ts";
import type { ResponseFields } from "../../http/response-fields.ts";
import {
  type Attempt,
  afterError,
  afterUnshared,
  firstAttempt,
  isBeforeRequest,
  toShareScope,
} from "./attempt.ts";
import { type InFlight, type Waiter, type WaitResult, createInFlight } from "./in-flight.ts";
import { type FullRequest, isEqual, toVaryKey, toFullText } from "./key.ts";
import { readCacheability } from "./cacheability.ts";
import { type StoredResponse, createStoredResponse } from "./stored-response.ts";
import { type Entry, type StoreLimits, createStore, putVary } from "./store.ts";

/**
 * The requests in flight and the recent responses.
 *
 * No client can change anything for others: a result belongs to its request and to equal requests (ignored fields included), unless
 * RFC 9111 §3 allows a shared cache to share the response.
 */
export interface ResponseSharing {
  /** Returns what a HEAD does now. */
  join(request: ShareRequest): ShareResult;
  /** Drops the responses of a target in every spelling, because the target may have changed (RFC 9111 §4.4). */
  invalidate(target: TargetUri): void;
}

/** One HEAD. Its `host` and `path` imply its route. */
export interface ShareRequest extends TargetUri, FullRequest {
  readonly key: string;
  /** How long its response may be shared, in milliseconds. */
  readonly shareMs: number;
  /** How long its response may take, in milliseconds. */
  readonly responseTimeoutMs: number;
  /** Undefined if it has not waited for another HEAD yet. */
  readonly attempt: Attempt | undefined;
  /** Cancels its request to the upstream. */
  cancel(error: ProxyError): void;
}

/** What a HEAD does: it uses a stored response, waits for another HEAD, is sent for itself and others, or is sent alone. */
export type ShareResult =
  | { readonly kind: "hit"; readonly response: StoredResponse }
  | { readonly kind: "wait"; readonly waiter: Waiter }
  | { readonly kind: "lead"; readonly leader: Leader }
  | { readonly kind: "bypass" };

/** The HEAD that is sent for itself and others reports its result here. Only its first report counts; `leave` is none. */
export interface Leader {
  onResponse(status: number, reason: string, fields: ResponseFields): void;
  /** There is a response that may not be shared. */
  onPrivate(): void;
  onError(error: ProxyError): void;
  /** The exchange is over without a result for others. */
  onEnd(): void;
  /** Its client has left; others may still wait for the request. */
  leave(error: ProxyError): void;
}

/** How much is stored, and how many HEADs may wait. */
export interface ShareLimits extends StoreLimits {
  readonly waiting: number;
}

const LIMITS: ShareLimits = {
  targets: 1_024, // enough for health checks and indexes; a crawler requests each target once and gains nothing
  variants: 16, // of one target: a few encodings and languages; a client that invents fields evicts only these
  bytes: 4 * 1024 * 1024, // of a sidecar's 50 MB
  responseBytes: 16 * 1024, // enough for most header sections; a larger response is for waiting HEADs only
  waiting: 10_000, // further HEADs are sent alone, and the queue of the upstream responds 503; a waiting HEAD only holds its connection
};

// A response that may not be shared is usually followed by another one. For this time, the request and its equals do not wait.
const BYPASS_MS = 10_000;

const BYPASS: ShareResult = { kind: "bypass" };

/** Creates the state of one configuration. `now` is the monotonic clock in milliseconds, `random` is from 0 to less than 1. */
export function createResponseSharing(
  now: () => number,
  limits: ShareLimits = LIMITS,
  random: () => number = Math.random,
): ResponseSharing {
  const store = createStore(limits);
  let waiting = 0;

  return {
    join(request) {
      const nowMs = now();
      const entry = store.find(request);
      for (const names of entry.varies) {
        const cached = entry.responses.get(toVariantKey(request, names));
        if (cached !== undefined && nowMs < cached.untilMs)
          return { kind: "hit", response: cached.response };
      }
      const scope = toShareScope(request.attempt);
      if (scope === "none") return BYPASS;
      const keys = entry.varies.map((names) => toVariantKey(request, names));
      const hasFullKeys = entry.equalsOnly > 0 || entry.bypassUntil.size > 0;
      if (scope === "all" && !hasFullKeys) return joinAt(entry, keys, request); // most requests: a full key is long
      const fullKey = toFullKey(request);
      if (nowMs < (entry.bypassUntil.get(fullKey) ?? 0)) return BYPASS;
      // A request that is in flight for equal requests only has its full key.
      const isEqualsOnly = scope === "equals" || entry.inFlight.has(fullKey);
      return joinAt(entry, isEqualsOnly ? [fullKey] : keys, request);
    },
    invalidate: (target) => store.invalidate(target),
  };

  /** Waits for a request in flight with one of these keys. Without one, begins a request with the first key. */
  function joinAt(entry: Entry, keys: readonly string[], request: ShareRequest): ShareResult {
    for (const key of keys) {
      const inFlight = entry.inFlight.get(key);
      if (inFlight === undefined) continue;
      return waiting < limits.waiting ? { kind: "wait", waiter: inFlight.wait(request) } : BYPASS;
    }
    const [key = ""] = keys;
    const inFlight = addInFlight(entry, key, request);
    store.use(entry);
    return { kind: "lead", leader: createLeader(entry, inFlight, request) };
  }

  function addInFlight(entry: Entry, key: string, request: ShareRequest): InFlight {
    const equalsOnly = toShareScope(request.attempt) === "equals" ? 1 : 0;
    const inFlight = createInFlight({
      cancel: (error) => request.cancel(error),
      onOver() {
        entry.inFlight.delete(key);
        entry.equalsOnly -= equalsOnly;
      },
      onWaiting: (change) => (waiting += change),
      random,
    });
    entry.inFlight.set(key, inFlight);
    entry.equalsOnly += equalsOnly;
    return inFlight;
  }

  /** Creates what the leading HEAD reports its result to. The result goes to all waiting HEADs, only to equal ones, or to none. */
  function createLeader(entry: Entry, inFlight: InFlight, request: ShareRequest): Leader {
    const sentMs = now();
    const attempt = request.attempt ?? firstAttempt(sentMs);
    const tryAgain = (): WaitResult => ({ kind: "again", attempt: afterUnshared(attempt) });
    return {
      onResponse(status, reason, fields) {
        const cacheability = readCacheability(status, fields.endToEnd);
        if (cacheability === undefined) return settleUnshareable();
        const { freshMs, vary, ageSeconds } = cacheability;
        const varyKey = toVaryKey(vary, request.fields);
        const isSame = (waiter: FullRequest) => toVaryKey(vary, waiter.fields) === varyKey;
        const response = createStoredResponse({ status, reason, fields, sentMs, ageSeconds });
        const shared: WaitResult = { kind: "response", response };
        if (freshMs === 0) return settleForEquals(shared); // a 5xx
        putVary(entry, vary);
        inFlight.settle((waiter) => (isSame(waiter) ? shared : tryAgain()));
        const untilMs = Math.min(now() + request.shareMs, sentMs + freshMs);
        store.add(entry, request.key + varyKey, { response, untilMs });
      },
      onPrivate: settleUnshareable,
      onError(error) {
        const failed: WaitResult = { kind: "error", error };
        if (isBeforeRequest(error)) inFlight.settle(() => failed);
        else settleForEquals(failed);
      },
      onEnd: () => inFlight.settle(tryAgain),
      leave: (error) => inFlight.leave(error),
    };

    function settleUnshareable(): void {
      store.addBypass(entry, toFullKey(request), now() + BYPASS_MS);
      inFlight.settle(tryAgain);
    }

    /** The request may have caused this result, so only equal requests get it. The other ones try again. */
    function settleForEquals(result: WaitResult): void {
      const next = afterError(attempt, now() - attempt.sinceMs, request.responseTimeoutMs);
      const again: WaitResult = { kind: "again", attempt: next };
      inFlight.settle((waiter) => (isEqual(waiter, request) ? result : again));
    }
  }
}

function toVariantKey({ key, fields }: ShareRequest, names: readonly string[]): string {
  return key + toVaryKey(names, fields); // unambiguous: a key ends with an empty line
}

function toFullKey(request: ShareRequest): string {
  return request.key + toFullText(request);
}
