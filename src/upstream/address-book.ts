/** The status of each address of one upstream, for the status page. */

import { type ErrorCode, toProxyError } from "../http/errors.ts";

/** One address, or the path of a Unix socket. */
export interface AddressStatus {
  readonly address: string;
  /** Open connections. */
  readonly connections: number;
  /** The last connection attempt that failed. `atMs` is by the monotonic clock, in milliseconds. */
  readonly lastError: { readonly code: ErrorCode; readonly atMs: number } | undefined;
}

/** The addresses of one upstream. */
export interface AddressBook {
  /** Records what the name resolves to now. Other addresses are forgotten when their last connection is closed. */
  noteResolved(addresses: readonly string[]): void;
  /** Records a connection; the returned function, called once, records its end. */
  noteOpened(address: string): () => void;
  noteFailed(address: string, error: unknown): void;
  /** Lists the addresses in the order of the last lookup. */
  list(): readonly AddressStatus[];
}

interface Entry {
  connections: number;
  lastError: AddressStatus["lastError"];
}

/** Creates the book of one upstream; `now` is the monotonic clock in milliseconds. */
export function createAddressBook(now: () => number): AddressBook {
  const entries = new Map<string, Entry>();
  let resolved: ReadonlySet<string> = new Set();

  function entryOf(address: string): Entry {
    const existing = entries.get(address);
    if (existing !== undefined) return existing;
    const entry: Entry = { connections: 0, lastError: undefined };
    entries.set(address, entry);
    return entry;
  }

  /** The addresses of a name change over the months, so unused ones are removed. */
  function forgetUnused(): void {
    for (const [address, { connections }] of entries)
      if (connections === 0 && !resolved.has(address)) entries.delete(address);
  }

  return {
    noteResolved(addresses) {
      resolved = new Set(addresses);
      forgetUnused();
      for (const address of addresses) entryOf(address);
    },
    noteOpened(address) {
      const entry = entryOf(address);
      entry.connections += 1;
      return () => {
        entry.connections -= 1;
        forgetUnused();
      };
    },
    noteFailed(address, error) {
      // A slow attempt may fail after the name has changed its addresses.
      const entry = entries.get(address);
      if (entry !== undefined) entry.lastError = { code: toProxyError(error).code, atMs: now() };
    },
    list() {
      const others = [...entries.keys()].filter((address) => !resolved.has(address));
      return [...resolved, ...others].map((address) => {
        const { connections, lastError } = entryOf(address);
        return { address, connections, lastError };
      });
    },
  };
}
