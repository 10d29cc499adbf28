/** Collects garbage by the bytes that passed: a read of a socket takes up to 64 KiB, which are garbage a moment later. */

/** To be called with the size of every chunk of content that passed, in bytes. */
export type GcPressure = (bytes: number) => void;

// V8 collects dead read buffers only after 32 MiB of them, which is a quarter of a small container's memory.
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
