/** A file system of a few MiB in a mount namespace of its own: what is started there fills it up, and harms nothing else. */

import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** `directory` as the process sees it (proc(5)). */
export function seenBy(pid: number, directory: string): string {
  return join(`/proc/${pid}/root`, directory);
}

/** Takes all room that is left; returns what gives it back. */
export function fillUp(directory: string): () => void {
  const filler = join(directory, "filler");
  const page = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(filler, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  return () => rmSync(filler);
}
