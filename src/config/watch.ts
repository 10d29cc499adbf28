/** Changed files, seen also through the swap of a symbolic link by which Kubernetes updates a ConfigMap or a Secret. */

import { type Digest, digestFile, directoryOf, watchDirectory } from "./files.ts";

/** Absolute paths with what was read there. */
export type Digests = ReadonlyMap<string, Digest>;

/** Milliseconds. */
export interface WatchOptions {
  /** From an event to a look, and from there to the next: content counts when two looks agree. Editors and `cp` write in several steps. */
  readonly debounceMs: number;
  /** A look without any event: a net below what the kernel reports, which on network mounts is nothing. */
  readonly pollMs: number;
}

/** Good for a person at an editor and for kubelet. */
export const DEFAULT_WATCH_OPTIONS: WatchOptions = { debounceMs: 100, pollMs: 5_000 };

/** No digest is this: whatever is read of such a file is a change. */
const NEVER_READ = "";

/** A watch on files. */
export interface FileWatcher {
  /**
   * Watches these from now on instead; what has changed since they were read counts. So does a file that could not be read and can be
   * now: whoever wanted to read it is told to try again.
   */
  watch(files: Digests): void;
  stop(): void;
}

/**
 * Calls `onChange` once when the content of a followed file is another than before; its disappearance counts. An error that says
 * nothing about the file does not: at the limit of file descriptors every look fails, and no file has changed.
 *
 * It watches directories: a watch on a file follows the inode, and goes deaf with the first rename over it. Content is
 * compared, not time, because kubelet touches what it does not change. Events only ask for a look and never put one off, or a
 * busy neighbour in the directory would hide every change.
 */
export function createFileWatcher({ debounceMs, pollMs }: WatchOptions, onChange: () => void): FileWatcher {
  let watched: Digests = new Map();
  /** Of each followed file in turn. */
  let known: readonly string[] = [];
  let lastRead: readonly string[] = [];
  let stops: readonly (() => void)[] = [];
  let debounceTimer: NodeJS.Timeout | undefined;
  let checking: Digests | undefined;
  let isCheckRequested = false;

  function debounce(): void {
    debounceTimer ??= setTimeout(() => {
      debounceTimer = undefined;
      void check(watched);
    }, debounceMs);
    debounceTimer.unref();
  }

  async function check(files: Digests): Promise<void> {
    // One look at a time: where a mount hangs, each would take a thread with it, and names are looked up on the same four.
    isCheckRequested = checking === files;
    if (isCheckRequested) return;
    checking = files;
    const digests = await digestAll([...files.keys()]);
    if (files !== watched) return; // others are followed by now
    checking = undefined;
    if (isCheckRequested) debounce();
    const found = digests.map((digest, index) => digest ?? known[index] ?? NEVER_READ);
    const isStable = isSame(found, lastRead);
    lastRead = found;
    if (isSame(found, known)) return;
    if (!isStable) return debounce();
    known = found;
    onChange();
  }

  function watchAll(): void {
    stopWatching();
    const directories = new Set([...watched.keys()].map(directoryOf));
    stops = [...directories].map((directory) => watchDirectory(directory, debounce));
  }

  function stopWatching(): void {
    for (const stop of stops) stop();
  }

  const poll = setInterval(() => {
    watchAll(); // a directory may have been replaced, and its watch with it
    debounce();
  }, pollMs);
  poll.unref();

  return {
    watch(files) {
      watched = files;
      known = lastRead = [...files.values()].map((digest) => digest ?? NEVER_READ);
      watchAll();
      debounce();
    },
    stop() {
      watched = new Map();
      stopWatching();
      clearInterval(poll);
      clearTimeout(debounceTimer);
    },
  };
}

/** One after the other, for the same reason. */
async function digestAll(paths: readonly string[]): Promise<readonly Digest[]> {
  const digests: Digest[] = [];
  for (const path of paths) digests.push(await digestFile(path));
  return digests;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((digest, index) => digest === other[index]);
}
