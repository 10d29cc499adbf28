/** Blocks this process, as a busy machine would: headgate, clients and upstreams in it all stop. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
