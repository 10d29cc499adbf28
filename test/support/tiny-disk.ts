/** A file system of a few MiB in its own mount namespace: a process in it can fill it up without harm to the machine. */

import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** `directory` as the process sees it (proc(5)). */
export function seenBy(pid: number, directory: string): string {
  return join(`/proc/${pid}/root`, directory);
}

/** Uses all free space; the returned function frees it. */
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
