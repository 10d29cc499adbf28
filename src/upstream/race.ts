/** Connects to one of several addresses, so that a dead or slow address costs little time (RFC 8305 §5, "Happy Eyeballs"). */

/** How long an attempt has before the next one begins beside it, in milliseconds (RFC 8305 §8). */
const ATTEMPT_DELAY_MS = 250;

/** One connection attempt. */
export interface ConnectAttempt {
  destroy(): void;
}

/** The result of an attempt. Exactly one of the two is called, once. */
export interface ConnectAttemptEvents {
  onConnected(): void;
  onFailed(error: Error): void;
}

/** The result of the race. Exactly one of `onWon` and `onLost` is called, unless the race is cancelled before. */
export interface RaceEvents<Address, One extends ConnectAttempt> {
  onWon(attempt: One, address: Address): void;
  /** All have failed; the errors are in the order of the addresses. */
  onLost(errors: readonly Error[]): void;
  /** The connection failed with `error`, or an attempt that began later connected first. */
  onFailedAddress(address: Address, error?: Error): void;
}

/**
 * Tries the addresses in order. The next attempt begins when one fails, or 250 ms after the last one began. The first that connects
 * wins, and the others are destroyed. Returns the function that cancels the race; no event comes after it.
 */
export function raceAddresses<Address, One extends ConnectAttempt>(
  addresses: readonly Address[],
  open: (address: Address, events: ConnectAttemptEvents) => One,
  events: RaceEvents<Address, One>,
): () => void {
  const running = new Map<Address, One>();
  const errors = new Map<Address, Error>();
  let next = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  startNext();
  return cancel;

  function cancel(): void {
    isOver = true;
    clearTimeout(timer);
    for (const attempt of running.values()) attempt.destroy();
    running.clear();
  }

  function startNext(): void {
    clearTimeout(timer);
    const address = addresses[next];
    if (isOver || address === undefined) return;
    next += 1;
    const attempt = open(address, {
      onConnected() {
        if (isOver) return;
        running.delete(address);
        for (const slower of running.keys()) events.onFailedAddress(slower);
        cancel();
        events.onWon(attempt, address);
      },
      onFailed(error) {
        if (isOver) return;
        running.delete(address);
        errors.set(address, error);
        events.onFailedAddress(address, error);
        if (next < addresses.length) return startNext();
        if (running.size > 0) return;
        cancel();
        events.onLost(addresses.flatMap((one) => errors.get(one) ?? []));
      },
    });
    running.set(address, attempt);
    if (next < addresses.length) timer = setTimeout(startNext, ATTEMPT_DELAY_MS);
  }
}
