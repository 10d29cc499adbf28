/** getaddrinfo within bounds: it has no time limit, nothing can cancel it, and the process cannot exit before it returns. */

/** Looks a name up with getaddrinfo. Rejects with its error, or with the reason of `signal` if that aborts before its turn. */
export type SystemLookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

// libuv has four threads and runs at most two of getaddrinfo at a time. The other two threads stay free for files.
const MAX_RUNNING = 2;

/** Creates a lookup that runs at most two `getaddrinfo` at a time, and one for each name. */
export function createSystemLookup(
  getaddrinfo: (name: string) => Promise<readonly string[]>,
): SystemLookup {
  // A name stays here until getaddrinfo returns, even if its lookup has timed out. So one hung name occupies one thread, never both.
  const running = new Map<string, Promise<readonly string[]>>();
  let waiting: (() => void)[] = [];

  function run(name: string): Promise<readonly string[]> {
    const started = getaddrinfo(name).finally(() => {
      running.delete(name);
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    });
    running.set(name, started);
    return started;
  }

  return async (name, signal) => {
    while (running.size >= MAX_RUNNING && !running.has(name)) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      signal.throwIfAborted();
    }
    return running.get(name) ?? run(name);
  };
}
