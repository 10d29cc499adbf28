/** Sharing: HEADs that ask the same at the same time wait for one response, and those shortly after get it too. */

import type { ProxyError } from "../../http/errors.ts";
import type { AnswerFields } from "../../http/headers.ts";
import {
  type Attempt,
  afterError,
  afterUnshared,
  firstAttempt,
  isBeforeRequest,
  toCompany,
} from "./attempt.ts";
import { type Flight, type Seat, type Verdict, createFlight } from "./in-flight.ts";
import { type WholeRequest, isEqual, toVariant, toWhole } from "./key.ts";
import { readTerms } from "./cacheability.ts";
import { type SharedAnswer, createSharedAnswer } from "./stored-response.ts";
import { type Page, type StoreLimits, type Target, createStore, putVary } from "./store.ts";

/**
 * The requests in flight and the recent responses.
 *
 * No client can change anything for others: a result belongs to its request and to equal requests (ignored fields included), unless
 * RFC 9111 §3 allows a shared cache to share the response.
 */
export interface Sharing {
  /** Returns what a HEAD does now. */
  join(question: Question): Place;
  /** Drops the responses of a target in every spelling, because it may have changed (RFC 9111 §4.4). */
  forget(target: Target): void;
}

/** One HEAD. Its `host` and `path` imply its route. */
export interface Question extends Target, WholeRequest {
  readonly identity: string;
  /** How long its response may be shared, in milliseconds. */
  readonly shareMs: number;
  /** How long its response may take, in milliseconds. */
  readonly patienceMs: number;
  /** Undefined if it has not waited for another HEAD yet. */
  readonly attempt: Attempt | undefined;
  /** Cancels its request to the upstream. */
  cancel(error: ProxyError): void;
}

/** What a HEAD does: it uses a kept response, waits for another HEAD, is sent for itself and others, or is sent alone. */
export type Place =
  | { readonly kind: "told"; readonly answer: SharedAnswer }
  | { readonly kind: "waits"; readonly seat: Seat }
  | { readonly kind: "asks"; readonly lead: Lead }
  | { readonly kind: "alone" };

/** The part of the HEAD that is sent for others. Only the first call of the first four counts. */
export interface Lead {
  answered(status: number, reason: string, fields: AnswerFields): void;
  /** There is a response that may not be shared. */
  kept(): void;
  failed(error: ProxyError): void;
  /** The exchange is over without a result for others. */
  ended(): void;
  /** Its client has left; others may still wait for the request. */
  leave(error: ProxyError): void;
}

/** How much is kept, and how many HEADs may wait. */
export interface ShareLimits extends StoreLimits {
  readonly waiting: number;
}

const LIMITS: ShareLimits = {
  targets: 1_024, // health checks and indexes, not a crawl: that asks for each target once
  variants: 16, // of one target: some encodings and languages; a client that invents fields crowds out only these
  bytes: 4 * 1024 * 1024, // of a sidecar's 50 MB
  answerBytes: 16 * 1024, // what fits into most header sections; a larger answer is for those who wait
  waiting: 10_000, // beyond it each asks, where the upstream's own queue says 503; a waiting one holds its connection anyway
};

// A response that may not be shared is mostly followed by another one: for this time, the request and its equals do not wait.
const ALONE_MS = 10_000;

const ALONE: Place = { kind: "alone" };

/** Creates the state of one configuration; `now` is in milliseconds, `random` from 0 to less than 1. */
export function createSharing(
  now: () => number,
  limits: ShareLimits = LIMITS,
  random: () => number = Math.random,
): Sharing {
  const store = createStore(limits);
  let waiting = 0;

  return {
    join(question) {
      const nowMs = now();
      const page = store.find(question);
      for (const names of page.varies) {
        const kept = page.kept.get(toPlace(question, names));
        if (kept !== undefined && nowMs < kept.untilMs)
          return { kind: "told", answer: kept.answer };
      }
      const company = toCompany(question.attempt);
      if (company === "none") return ALONE;
      const places = page.varies.map((names) => toPlace(question, names));
      if (company === "all" && page.apart + page.alone.size === 0)
        return joinAt(page, places, question);
      const whole = toWholePlace(question);
      if (nowMs < (page.alone.get(whole) ?? 0)) return ALONE;
      const isApart = company === "equals" || page.flights.has(whole);
      return joinAt(page, isApart ? [whole] : places, question);
    },
    forget: (target) => store.drop(target),
  };

  /** Waits for a flight at one of these places. Without one, begins a flight at the first place. */
  function joinAt(page: Page, places: readonly string[], question: Question): Place {
    for (const place of places) {
      const flight = page.flights.get(place);
      if (flight === undefined) continue;
      return waiting < limits.waiting ? { kind: "waits", seat: flight.wait(question) } : ALONE;
    }
    const [place = ""] = places;
    const flight = begin(page, place, question);
    store.use(page);
    return { kind: "asks", lead: lead(page, flight, question) };
  }

  function begin(page: Page, place: string, question: Question): Flight {
    const isApart = toCompany(question.attempt) === "equals" ? 1 : 0;
    const flight = createFlight({
      cancel: (error) => question.cancel(error),
      onOver() {
        page.flights.delete(place);
        page.apart -= isApart;
      },
      onWaiting: (change) => (waiting += change),
      random,
    });
    page.flights.set(place, flight);
    page.apart += isApart;
    return flight;
  }

  function lead(page: Page, flight: Flight, question: Question): Lead {
    const askedMs = now();
    const attempt = question.attempt ?? firstAttempt(askedMs);
    const askAgain = (): Verdict => ({ kind: "again", attempt: afterUnshared(attempt) });
    return {
      answered(status, reason, fields) {
        const terms = readTerms(status, fields.endToEnd);
        if (terms === undefined) return keepToItself();
        const { freshMs, vary, ageSeconds } = terms;
        const variant = toVariant(vary, question.fields);
        const isSame = (waiter: WholeRequest) => toVariant(vary, waiter.fields) === variant;
        const answer = createSharedAnswer({ status, reason, fields, askedMs, ageSeconds });
        const told: Verdict = { kind: "told", answer };
        if (freshMs === 0) return settleError(told);
        putVary(page, vary);
        flight.settle((waiter) => (isSame(waiter) ? told : askAgain()));
        const untilMs = Math.min(now() + question.shareMs, askedMs + freshMs);
        store.keep(page, question.identity + variant, { answer, untilMs });
      },
      kept: keepToItself,
      failed(error) {
        const failed: Verdict = { kind: "failed", error };
        if (isBeforeRequest(error)) flight.settle(() => failed);
        else settleError(failed);
      },
      ended: () => flight.settle(askAgain),
      leave: (error) => flight.leave(error),
    };

    function keepToItself(): void {
      store.keepAlone(page, toWholePlace(question), now() + ALONE_MS);
      flight.settle(askAgain);
    }

    function settleError(error: Verdict): void {
      const next = afterError(attempt, now() - attempt.sinceMs, question.patienceMs);
      const again: Verdict = { kind: "again", attempt: next };
      flight.settle((waiter) => (isEqual(waiter, question) ? error : again));
    }
  }
}

function toPlace({ identity, fields }: Question, names: readonly string[]): string {
  return identity + toVariant(names, fields); // an identity ends with an empty line
}

function toWholePlace(question: Question): string {
  return question.identity + toWhole(question);
}
