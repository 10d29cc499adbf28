/** Shared responses and waiting requests by target, within limits. */

import type { TargetUri } from "../../http/request.ts";
import { normaliseTarget } from "../../http/routing/path.ts";
import { normaliseHost } from "../../http/routing/router.ts";
import type { InFlight } from "./in-flight.ts";
import type { StoredResponse } from "./stored-response.ts";

/** The state of one target. After the store has dropped it, only requests in flight still use it. */
export interface Entry extends TargetUri {
  readonly key: string;
  /** The field names of the Vary of recent responses, the latest first. Each response has its own Vary (RFC 9111 §4.1). */
  varies: readonly (readonly string[])[];
  /** The size of all that is stored, in bytes. */
  bytes: number;
  /** The requests in flight, by the cache key and its Vary key, or by the full request. */
  readonly inFlight: Map<string, InFlight>;
  /** How many of the requests in flight serve equal requests only. */
  equalsOnly: number;
  /** Responses, by the cache key and its Vary key. */
  readonly responses: Map<string, CachedResponse>;
  /** Until when a request and its equals do not wait, in milliseconds, by the full request. */
  readonly bypassUntil: Map<string, number>;
}

/** A response, and until when it may be shared, in milliseconds. */
export interface CachedResponse {
  readonly response: StoredResponse;
  readonly untilMs: number;
}

/** How much is stored. */
export interface StoreLimits {
  /** The largest number of targets. */
  readonly targets: number;
  /** The largest number of responses of one target. */
  readonly variants: number;
  /** The size of everything, in bytes. */
  readonly bytes: number;
  /** The size of one response together with its key, in bytes; a larger one is not stored. */
  readonly responseBytes: number;
}

/** The entries, least recently requested upstream first. A shared response does not move its entry, which keeps sharing cheap. */
export interface Store {
  /** Returns the entry of a target, or a new one, which is stored only by `use`. */
  find(target: TargetUri): Entry;
  /** Stores an entry as the most recent one, and drops the oldest entries beyond the limits. */
  use(entry: Entry): void;
  /** Stores a response, unless it is too large. */
  add(entry: Entry, key: string, response: CachedResponse): void;
  /** Records that a request and its equals do not wait until `untilMs`. */
  addBypass(entry: Entry, fullKey: string, untilMs: number): void;
  /** Drops the entries of a target, in every spelling of host and path. */
  invalidate(target: TargetUri): void;
}

// Nearly all backends send one Vary for a target. A few send a different one to some clients.
const MAX_VARIES = 4;

/** Creates an empty store. */
export function createStore(limits: StoreLimits): Store {
  const entries = new Map<string, Entry>();
  /** The same entries by the normal form of their targets. Only `invalidate` needs it, so `find` need not normalise. */
  const spellings = new Map<string, Set<Entry>>();
  let bytes = 0;

  return {
    find(target) {
      const key = toKey(target);
      return entries.get(key) ?? createEntry(key, target);
    },
    use(entry) {
      remove(entries.get(entry.key));
      entries.set(entry.key, entry);
      bytes += entry.bytes;
      const normal = toNormal(entry);
      const others = spellings.get(normal);
      if (others === undefined) spellings.set(normal, new Set([entry]));
      else others.add(entry);
      evict();
    },
    add(entry, key, response) {
      put(entry, entry.responses, key, response);
    },
    addBypass(entry, fullKey, untilMs) {
      put(entry, entry.bypassUntil, fullKey, untilMs);
    },
    invalidate(target) {
      for (const entry of spellings.get(toNormal(target)) ?? []) remove(entry);
    },
  };

  function put<Value extends CachedResponse | number>(
    entry: Entry,
    all: Map<string, Value>,
    key: string,
    value: Value,
  ): void {
    removeFrom(entry, all, key);
    if (toBytes(key, value) > limits.responseBytes) return;
    all.set(key, value);
    count(entry, toBytes(key, value));
    const [oldest] = all.size > limits.variants ? all.keys() : [];
    if (oldest !== undefined) removeFrom(entry, all, oldest);
    evict();
  }

  function removeFrom<Value extends CachedResponse | number>(
    entry: Entry,
    all: Map<string, Value>,
    key: string,
  ): void {
    const value = all.get(key);
    if (value === undefined) return;
    all.delete(key);
    count(entry, -toBytes(key, value));
  }

  // A dropped entry may still be used by requests in flight, but no longer counts towards the total.
  function count(entry: Entry, change: number): void {
    entry.bytes += change;
    if (entries.get(entry.key) === entry) bytes += change;
  }

  function evict(): void {
    while (entries.size > limits.targets || bytes > limits.bytes) {
      const [oldest] = entries.values();
      remove(oldest);
    }
  }

  function remove(entry: Entry | undefined): void {
    if (entry === undefined || !entries.delete(entry.key)) return;
    bytes -= entry.bytes;
    const normal = toNormal(entry);
    const others = spellings.get(normal);
    others?.delete(entry);
    if (others?.size === 0) spellings.delete(normal);
  }
}

/** Moves the names of a Vary to the front, where the next request is compared first. */
export function putVary(entry: Entry, names: readonly string[]): void {
  const text = names.join();
  if (entry.varies[0]?.join() === text) return;
  const others = entry.varies.filter((other) => other.join() !== text);
  entry.varies = [names, ...others].slice(0, MAX_VARIES);
}

// Unambiguous: no host contains a space, and neither part contains a line end.
function toKey({ host = " ", path }: TargetUri): string {
  return `${host}\n${path}`;
}

function toNormal({ host, path }: TargetUri): string {
  return toKey({ host: host && normaliseHost(host), path: normaliseTarget(path) });
}

function createEntry(key: string, { host, path }: TargetUri): Entry {
  return {
    key,
    host,
    path,
    varies: [[]],
    bytes: key.length,
    inFlight: new Map(),
    equalsOnly: 0,
    responses: new Map(),
    bypassUntil: new Map(),
  };
}

function toBytes(key: string, value: CachedResponse | number): number {
  return key.length + (typeof value === "number" ? 0 : value.response.bytes);
}
