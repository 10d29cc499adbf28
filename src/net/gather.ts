/** Writes of one turn of the event loop, done together at its end. */

/** Does a task when the turn is over. */
export type Gather = (write: () => void) => void;

/**
 * Creates the one gatherer of a process.
 *
 * Under load a turn serves many exchanges. Sent one by one, each write finds the peer asleep and has to wake it, which costs
 * more than the write: a quarter of an exchange's CPU time. Sent together, all but the first find it awake. Where a turn has a
 * single exchange, its write leaves a microsecond later.
 */
export function createGather(): Gather {
  let writes: (() => void)[] = [];
  const release = (): void => {
    const all = writes;
    writes = [];
    for (const write of all) write();
  };
  return (write) => {
    if (writes.push(write) === 1) setImmediate(release);
  };
}
