/** Shared responses and waiting requests by target, within limits. */

import { normaliseTarget } from "../../http/routing/path.ts";
import { normaliseHost } from "../../http/routing/router.ts";
import type { Flight } from "./in-flight.ts";
import type { SharedAnswer } from "./stored-response.ts";

/** The target of a request: its Host and path, as they were written. */
export interface Target {
  readonly host: string | undefined;
  readonly path: string;
}

/** The state of one target. After the store has dropped it, only requests in flight still use it. */
export interface Page extends Target {
  readonly key: string;
  /** The field names of the Vary of recent responses, the latest first. Each response has its own Vary (RFC 9111 §4.1). */
  varies: readonly (readonly string[])[];
  /** The size of all that is kept, in bytes. */
  bytes: number;
  /** Requests in flight, by the question and its variant, or by the whole request. */
  readonly flights: Map<string, Flight>;
  /** How many of the flights serve equal requests only. */
  apart: number;
  /** Responses, by the question and its variant. */
  readonly kept: Map<string, Kept>;
  /** Until when a request and its equals do not wait, in milliseconds, by the whole request. */
  readonly alone: Map<string, number>;
}

/** A response, and until when it may be shared, in milliseconds. */
export interface Kept {
  readonly answer: SharedAnswer;
  readonly untilMs: number;
}

/** How much is kept. */
export interface StoreLimits {
  /** The largest number of targets. */
  readonly targets: number;
  /** The largest number of responses of one target. */
  readonly variants: number;
  /** The size of everything, in bytes. */
  readonly bytes: number;
  /** The size of one response together with its key, in bytes; a larger one is not kept. */
  readonly answerBytes: number;
}

/** The pages, least recently requested upstream first. A shared response does not move its page, which keeps sharing cheap. */
export interface Store {
  /** Returns the page of a target, or a new one, which is stored only by `use`. */
  find(target: Target): Page;
  /** Stores a page as the most recent one, and drops the oldest pages beyond the limits. */
  use(page: Page): void;
  /** Keeps a response, unless it is too large. */
  keep(page: Page, place: string, kept: Kept): void;
  /** Records that a request and its equals do not wait until `untilMs`. */
  keepAlone(page: Page, whole: string, untilMs: number): void;
  /** Drops the pages of a target, in every spelling of host and path. */
  drop(target: Target): void;
}

// Nearly all backends send one Vary for a target. A few send a different one to some clients.
const MAX_VARIES = 4;

/** Creates an empty store. */
export function createStore(limits: StoreLimits): Store {
  const pages = new Map<string, Page>();
  /** The same pages by the normal form of their targets. Only `drop` needs it, so `find` need not normalise. */
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

  // A dropped page may still be used by requests in flight, but no longer counts towards the total.
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

/** Moves the names of a Vary to the front, where the next request is compared first. */
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
