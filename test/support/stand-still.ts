/** Keeps this process from running, as a machine does that is busy with others: headgate, clients and upstreams in it alike. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
