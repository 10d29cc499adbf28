/** A changed file, seen also through the swap of a symbolic link by which Kubernetes updates a ConfigMap. */

import { digestFile, directoryOf, watchDirectory } from "./files.ts";

/** What is watched and how. Times are milliseconds. */
export interface WatchOptions {
  readonly path: string;
  /** SHA-256 of the content in use: what was written before the watch began counts as a change too. */
  readonly hash: string | undefined;
  /** Quiet time after which a change counts as finished: editors and `cp` write in several steps. */
  readonly settleMs: number;
  /** A look at the file without any event: a net below what the kernel reports, which on network mounts is nothing. */
  readonly pollMs: number;
}

/** Good for a person at an editor and for kubelet. */
export const PATIENCE: Pick<WatchOptions, "settleMs" | "pollMs"> = { settleMs: 150, pollMs: 5_000 };

/**
 * Calls `onChange` when the file's content is another than before; its disappearance counts. Returns a function that ends it.
 *
 * It watches the directory: a watch on the file follows the inode, and goes deaf with the first rename over it. Content is
 * compared, not time, because kubelet touches what it does not change.
 */
export function watchFile(
  { path, hash, settleMs, pollMs }: WatchOptions,
  onChange: () => void,
): () => void {
  let known = hash;
  let settling: NodeJS.Timeout | undefined;
  let stopWatching = watchDirectory(directoryOf(path), onEvent);

  async function look(): Promise<void> {
    const digest = await digestFile(path);
    if (digest === known) return;
    known = digest;
    onChange();
  }

  function onEvent(): void {
    clearTimeout(settling);
    settling = setTimeout(() => void look(), settleMs);
  }

  const poll = setInterval(() => {
    // The directory itself may have been replaced, and its watch with it.
    stopWatching();
    stopWatching = watchDirectory(directoryOf(path), onEvent);
    void look();
  }, pollMs);
  poll.unref();

  onEvent();
  return () => {
    stopWatching();
    clearInterval(poll);
    clearTimeout(settling);
  };
}
