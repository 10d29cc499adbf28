/** getaddrinfo within bounds: it waits as long as it likes, nothing can cancel it, and the process cannot exit before it returns. */

/** Looks a name up by all that the system has. A caller whose `signal` aborts while it waits for its turn is rejected. */
export type SystemLookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

// libuv runs it on its pool of four threads, two of them at a time. The other two read files.
const MAX_RUNNING = 2;

/** Runs at most two of `getaddrinfo` at a time, and one for each name. */
export function createSystemLookup(
  getaddrinfo: (name: string) => Promise<readonly string[]>,
): SystemLookup {
  // A name stays here until getaddrinfo returns, also when its lookup has ended: one hung name takes one place, never both.
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
