/** What is known of the targets that HEADs asked for of late, within limits. */

import { normaliseTarget } from "../http/path.ts";
import { normaliseHost } from "../http/router.ts";
import type { Flight } from "./flight.ts";
import type { SharedAnswer } from "./shared-answer.ts";

/** Whom a request is for. */
export interface Target {
  readonly host: string | undefined;
  readonly path: string;
}

/** What belongs to one host and path, as they were written. Once it is dropped only those who ask already still look at it. */
export interface Page extends Target {
  readonly key: string;
  /** The field names in each Vary of the last answers, the last one first: each answer has its own (RFC 9111 §4.1). */
  varies: readonly (readonly string[])[];
  bytes: number;
  /** By the question and its variant, or by the whole request. */
  readonly flights: Map<string, Flight>;
  /** How many of the flights are for equal requests only. */
  apart: number;
  /** By the question and its variant. */
  readonly kept: Map<string, Kept>;
  /** Until when a request and its equals wait for nobody, by the whole of it. */
  readonly alone: Map<string, number>;
}

/** An answer, and until when it may be told. */
export interface Kept {
  readonly answer: SharedAnswer;
  readonly untilMs: number;
}

/** How much is kept. An answer has a few hundred bytes; a kilobyte of them is more than most backends have paths to ask for. */
export interface StoreLimits {
  readonly targets: number;
  /** Of each target. */
  readonly variants: number;
  readonly bytes: number;
  /** For one answer together with the request that it is for. */
  readonly answerBytes: number;
}

/** The pages in the order in which they were last asked for; what was told since does not count, so that telling is cheap. */
export interface Store {
  /** That of a target; a new one counts once it is used. */
  find(target: Target): Page;
  /** Puts a page last, and the first ones out where there are too many. */
  use(page: Page): void;
  keep(page: Page, place: string, kept: Kept): void;
  keepAlone(page: Page, whole: string, untilMs: number): void;
  /** Drops what is known of a target, however it was written. */
  drop(target: Target): void;
}

// Nearly all backends have one Vary for a target, some another one for those who ask from elsewhere, or in another way.
const MAX_VARIES = 4;

/** Creates an empty store. */
export function createStore(limits: StoreLimits): Store {
  const pages = new Map<string, Page>();
  /** By the normal form of their targets, so that finding a page costs no more than its key. */
  const spellings = new Map<string, Set<Page>>();
  let bytes = 0;

  return {
    find(target) {
      const key = toKey(target);
      return pages.get(key) ?? createPage(key, target);
    },
    use(page) {
      remove(pages.get(page.key));
      pages.set(page.key, page);
      bytes += page.bytes;
      const normal = toNormal(page);
      const others = spellings.get(normal);
      if (others === undefined) spellings.set(normal, new Set([page]));
      else others.add(page);
      makeRoom();
    },
    keep(page, place, kept) {
      put(page, page.kept, place, kept);
    },
    keepAlone(page, whole, untilMs) {
      put(page, page.alone, whole, untilMs);
    },
    drop(target) {
      for (const page of spellings.get(toNormal(target)) ?? []) remove(page);
    },
  };

  function put<Value extends Kept | number>(
    page: Page,
    all: Map<string, Value>,
    place: string,
    value: Value,
  ): void {
    take(page, all, place);
    if (toBytes(place, value) > limits.answerBytes) return;
    all.set(place, value);
    count(page, toBytes(place, value));
    const [oldest] = all.size > limits.variants ? all.keys() : [];
    if (oldest !== undefined) take(page, all, oldest);
    makeRoom();
  }

  function take<Value extends Kept | number>(
    page: Page,
    all: Map<string, Value>,
    place: string,
  ): void {
    const value = all.get(place);
    if (value === undefined) return;
    all.delete(place);
    count(page, -toBytes(place, value));
  }

  // What is dropped may still be asked for, and is not counted any more.
  function count(page: Page, change: number): void {
    page.bytes += change;
    if (pages.get(page.key) === page) bytes += change;
  }

  function makeRoom(): void {
    while (pages.size > limits.targets || bytes > limits.bytes) {
      const [oldest] = pages.values();
      remove(oldest);
    }
  }

  function remove(page: Page | undefined): void {
    if (page === undefined || !pages.delete(page.key)) return;
    bytes -= page.bytes;
    const normal = toNormal(page);
    const others = spellings.get(normal);
    others?.delete(page);
    if (others?.size === 0) spellings.delete(normal);
  }
}

/** Puts the names of a Vary first, where the next question looks first. */
export function putVary(page: Page, names: readonly string[]): void {
  const text = names.join();
  if (page.varies[0]?.join() === text) return;
  const others = page.varies.filter((other) => other.join() !== text);
  page.varies = [names, ...others].slice(0, MAX_VARIES);
}

// No host holds a space, and neither part a line end.
function toKey({ host = " ", path }: Target): string {
  return `${host}\n${path}`;
}

function toNormal({ host, path }: Target): string {
  return toKey({ host: host && normaliseHost(host), path: normaliseTarget(path) });
}

function createPage(key: string, { host, path }: Target): Page {
  return {
    key,
    host,
    path,
    varies: [[]],
    bytes: key.length,
    flights: new Map(),
    apart: 0,
    kept: new Map(),
    alone: new Map(),
  };
}

function toBytes(place: string, value: Kept | number): number {
  return place.length + (typeof value === "number" ? 0 : value.answer.bytes);
}
