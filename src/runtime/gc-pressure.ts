/** Garbage collection by bytes that passed: a read of a socket takes up to 64 KiB that are garbage a moment later. */

/** Call it with the size of every chunk of content that passed, in bytes. */
export type GcPressure = (bytes: number) => void;

// V8 lets 32 MiB of dead read buffers stand before it looks for them, which is a quarter of a small container's memory.
const COLLECTED_EVERY_BYTES = 8 * 1024 * 1024;

/** Calls `collect` (a minor garbage collection, half a millisecond) once for every 8 MiB that passed. */
export function createGcPressure(collect: () => void): GcPressure {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < COLLECTED_EVERY_BYTES) return;
    passed = 0;
    collect();
  };
}
