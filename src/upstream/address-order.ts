/** The order in which the addresses of a name are tried. */

/** The order for the addresses of one upstream. */
export interface AddressOrder {
  /** Returns the addresses in their order, with those that failed in the last ten seconds at the end. */
  toSorted(addresses: readonly string[]): readonly string[];
  /** Records that a connection to this address has just failed. */
  noteFailure(address: string): void;
}

/** How long a failed address is tried last, in milliseconds: nginx's `fail_timeout`. */
const FAILED_MS = 10_000;

/** Creates the order of one upstream; `now` is the monotonic clock in milliseconds. */
export function createAddressOrder(now: () => number): AddressOrder {
  const failedUntilMs = new Map<string, number>();
  return {
    toSorted(addresses) {
      if (failedUntilMs.size === 0) return addresses;
      const nowMs = now();
      const hasFailed = (address: string): boolean => (failedUntilMs.get(address) ?? 0) > nowMs;
      return [...addresses.filter((one) => !hasFailed(one)), ...addresses.filter(hasFailed)];
    },
    noteFailure(address) {
      const nowMs = now();
      // The addresses of a name change over the months, so expired entries are removed whenever one is added.
      for (const [other, untilMs] of failedUntilMs)
        if (untilMs <= nowMs) failedUntilMs.delete(other);
      failedUntilMs.set(address, nowMs + FAILED_MS);
    },
  };
}
