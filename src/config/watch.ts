/** Detects changed files, also if Kubernetes updates a ConfigMap or a Secret by replacing a symbolic link. */

import { type Digest, digestFile, directoryOf, watchDirectory } from "./files.ts";

/** The digest of each file by its absolute path. */
export type Digests = ReadonlyMap<string, Digest>;

/** How often files are checked. In milliseconds. */
export interface WatchOptions {
  /**
   * The debounce: the delay between an event and the check, and between a check and the next. A change is accepted when two
   * successive checks agree, because editors and `cp` write a file in several steps.
   */
  readonly debounceMs: number;
  /** The interval of checks without an event. The kernel reports no events for network mounts. */
  readonly pollMs: number;
}

/** Suitable for an operator with an editor and for kubelet. */
export const DEFAULT_WATCH_OPTIONS: WatchOptions = { debounceMs: 100, pollMs: 5_000 };

/** Stands for the digest of a file that could not be read yet. It equals no digest, so the first successful read is a change. */
const NEVER_READ = "";

/** Watches a set of files. */
export interface FileWatcher {
  /**
   * Replaces the watched files. A change since the caller read them is reported too. So is a file that the caller could not read and
   * that can be read now, so that the caller reads it again.
   */
  watch(files: Digests): void;
  /** Ends the watch. `onChange` is not called again. */
  stop(): void;
}

/**
 * Calls `onChange` once when the content of a watched file has changed. The removal of a file is a change. An error that says nothing
 * about the file is not: at the limit of file descriptors every check fails, although no file has changed.
 *
 * It watches directories: a watch on a file follows the inode, and reports nothing after the first rename over the file. It compares
 * the content and not the time of modification, because kubelet touches files without changing them. An event requests a check, but
 * never postpones one: otherwise frequent events of another file in the directory would hide every change.
 */
export function createFileWatcher(
  { debounceMs, pollMs }: WatchOptions,
  onChange: () => void,
): FileWatcher {
  let watched: Digests = new Map();
  /** The accepted digests, in the order of the watched files. */
  let known: readonly string[] = [];
  /** The digests of the last check, in the same order. */
  let lastRead: readonly string[] = [];
  let stops: readonly (() => void)[] = [];
  let debounceTimer: NodeJS.Timeout | undefined;
  /** The files that a check is reading. */
  let checking: Digests | undefined;
  /** Whether an event requested another check during this one. */
  let isCheckRequested = false;

  function debounce(): void {
    debounceTimer ??= setTimeout(() => {
      debounceTimer = undefined;
      void check(watched);
    }, debounceMs);
    debounceTimer.unref();
  }

  async function check(files: Digests): Promise<void> {
    // One check at a time: on a mount that hangs, each check would block one of the four threads that also look up names.
    isCheckRequested = checking === files;
    if (isCheckRequested) return;
    checking = files;
    const digests = await digestAll([...files.keys()]);
    if (files !== watched) return; // meanwhile the caller has replaced the files
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
    watchAll(); // a directory may have been replaced, which ended its watch
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

/** Reads the files one after the other, so that a mount that hangs blocks one thread only. */
async function digestAll(paths: readonly string[]): Promise<readonly Digest[]> {
  const digests: Digest[] = [];
  for (const path of paths) digests.push(await digestFile(path));
  return digests;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((digest, index) => digest === other[index]);
}
