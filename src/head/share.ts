/** HEADs that ask the same: those that come together wait for one answer, and those that come shortly after get it too. */

import type { ProxyError } from "../http/errors.ts";
import type { AnswerFields } from "../http/headers.ts";
import { type Flight, type Seat, createFlight } from "./flight.ts";
import { toVariant } from "./identity.ts";
import { readTerms } from "./shareable.ts";
import { type SharedAnswer, createSharedAnswer } from "./shared-answer.ts";

/** The requests in flight and the answers of the last moment. */
export interface Sharing {
  join(question: Question): Place;
  /** Whatever is known of that target is not to be told any more (RFC 9111 §4.4). */
  forget(target: Target): void;
}

interface Target {
  readonly host: string | undefined;
  readonly path: string;
}

/** One HEAD. Host and path name its route as well. */
export interface Question extends Target {
  readonly fields: readonly string[];
  readonly identity: string;
  /** How long its answer may be told to others. */
  readonly shareMs: number;
  /** Ends what is asked of the upstream. */
  cancel(error: ProxyError): void;
}

/** What a HEAD does: tells what is known, waits for who asks, asks for itself and others, or for itself alone. */
export type Place =
  | { readonly kind: "told"; readonly answer: SharedAnswer }
  | { readonly kind: "waits"; readonly seat: Seat }
  | { readonly kind: "asks"; readonly lead: Lead }
  | { readonly kind: "alone" };

/** The part of the one who asks. What comes after the first of the first three calls changes nothing. */
export interface Lead {
  answered(status: number, reason: string, fields: AnswerFields): void;
  failed(error: ProxyError): void;
  /** It is over, and there was nothing for others. */
  ended(): void;
  leave(error: ProxyError): void;
}

/** How much is kept. An answer has a few hundred bytes; a kilobyte of them is more than most backends have paths to ask for. */
export interface ShareLimits {
  readonly targets: number;
  readonly variants: number;
  readonly bytes: number;
  readonly answerBytes: number;
  readonly waiting: number;
}

const LIMITS: ShareLimits = {
  targets: 1_024, // health checks and indexes, not a crawl: that asks for each target once
  variants: 16, // of one target: some encodings and languages; a client that invents fields crowds out only these
  bytes: 4 * 1024 * 1024, // of a sidecar's 50 MB
  answerBytes: 16 * 1024, // what fits into most header sections; a larger answer is for those who wait
  waiting: 10_000, // beyond it each asks, where the upstream's own queue says 503; a waiting one holds its connection anyway
};

// An answer that was for one client only is mostly followed by others of that kind: for so long nobody waits for them.
const ALONE_MS = 10_000;

const ALONE: Place = { kind: "alone" };

/** What belongs to one host and path. Once it is forgotten only those who ask already still look at it. */
interface Page {
  readonly key: string;
  /** The Vary of the last answer: what was kept by the names of another is looked for in vain, and goes with time. */
  vary: readonly string[];
  bytes: number;
  /** Both by identity and variant. */
  readonly flights: Map<string, Flight>;
  readonly kept: Map<string, Kept>;
}

interface Kept {
  /** Undefined: it was for the one who asked. */
  readonly answer: SharedAnswer | undefined;
  readonly untilMs: number;
}

/** Creates the state of one configuration; `now` is in milliseconds. */
export function createSharing(now: () => number, limits: ShareLimits = LIMITS): Sharing {
  // In the order in which they were last asked for; what was told since does not count, so that telling costs no more than this.
  const pages = new Map<string, Page>();
  let bytes = 0;
  let waiting = 0;

  return {
    join(question) {
      const nowMs = now();
      const key = toKey(question);
      const page = pages.get(key) ?? createPage(key);
      const place = question.identity + toVariant(page.vary, question.fields);
      const kept = page.kept.get(place);
      if (kept !== undefined && nowMs < kept.untilMs)
        return kept.answer === undefined ? ALONE : { kind: "told", answer: kept.answer };
      const flight = page.flights.get(place);
      if (flight === undefined) return { kind: "asks", lead: lead(page, place, question) };
      return waiting < limits.waiting
        ? { kind: "waits", seat: flight.wait(question.fields) }
        : ALONE;
    },
    forget: (target) => drop(pages.get(toKey(target))),
  };

  function lead(page: Page, place: string, question: Question): Lead {
    const askedMs = now();
    const flight = createFlight({
      cancel: (error) => question.cancel(error),
      onOver: () => page.flights.delete(place),
      onWaiting: (change) => (waiting += change),
    });
    page.flights.set(place, flight);
    drop(pages.get(page.key));
    pages.set(page.key, page);
    bytes += page.bytes;
    makeRoom();
    return {
      answered(status, reason, fields) {
        const terms = readTerms(status, fields.endToEnd);
        if (terms === undefined) {
          flight.settle(() => undefined);
          return keep(page, place, { answer: undefined, untilMs: now() + ALONE_MS });
        }
        const { freshMs, vary, ageSeconds } = terms;
        const variant = toVariant(vary, question.fields);
        const answer = createSharedAnswer({ status, reason, fields, askedMs, ageSeconds });
        flight.settle((others) => (toVariant(vary, others) === variant ? answer : undefined));
        const untilMs = Math.min(now() + question.shareMs, askedMs + freshMs);
        if (freshMs === 0 || answer.bytes > limits.answerBytes) return;
        page.vary = vary;
        keep(page, question.identity + variant, { answer, untilMs });
      },
      failed: (error) => flight.fail(error),
      ended: () => flight.settle(() => undefined),
      leave: (error) => flight.leave(error),
    };
  }

  function keep(page: Page, place: string, kept: Kept): void {
    unkeep(page, place);
    page.kept.set(place, kept);
    count(page, toBytes(place, kept));
    const [oldest] = page.kept.size > limits.variants ? page.kept.keys() : [];
    if (oldest !== undefined) unkeep(page, oldest);
    makeRoom();
  }

  function unkeep(page: Page, place: string): void {
    const kept = page.kept.get(place);
    if (kept === undefined) return;
    page.kept.delete(place);
    count(page, -toBytes(place, kept));
  }

  // What is forgotten may still be asked for, and is not counted any more.
  function count(page: Page, change: number): void {
    page.bytes += change;
    if (pages.get(page.key) === page) bytes += change;
  }

  function makeRoom(): void {
    while (pages.size > limits.targets || bytes > limits.bytes) {
      const [oldest] = pages.values();
      drop(oldest);
    }
  }

  function drop(page: Page | undefined): void {
    if (page !== undefined && pages.delete(page.key)) bytes -= page.bytes;
  }
}

// No host holds a space, and neither part a line end.
function toKey({ host = " ", path }: Target): string {
  return `${host}\n${path}`;
}

function createPage(key: string): Page {
  return { key, vary: [], bytes: key.length, flights: new Map(), kept: new Map() };
}

function toBytes(place: string, { answer }: Kept): number {
  return place.length + (answer?.bytes ?? 0);
}
