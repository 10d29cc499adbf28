/** The idle limit of one tunnel. */

import { createMovement } from "../runtime/movement.ts";
import { createWatchdog } from "../upstream/watchdog.ts";

/** Watches one tunnel. */
export interface TunnelIdle {
  /** To be called when headgate has read from a side or a side takes bytes again. */
  onMoved(): void;
  stop(): void;
}

/**
 * Calls back when nothing has moved for `idleMs` milliseconds (0 = no limit). `unacknowledged` returns the bytes that headgate has
 * written to each side and that the side has not acknowledged; undefined if the system does not report them.
 *
 * The kernel takes megabytes at once, so headgate sees nothing while a slow reader takes them. Such a reader shows only in what it
 * acknowledges. headgate queries the kernel only if a tunnel has been quiet for a quarter of its limit, and only once if no bytes wait.
 * The limit has the same four checks if no bytes wait: time in which the process, and perhaps the peers, did not run counts as one step.
 */
export function createTunnelIdle(
  idleMs: number,
  unacknowledged: () => readonly (number | undefined)[],
  onIdle: () => void,
): TunnelIdle {
  const limitMs = idleMs === 0 ? Infinity : idleMs;
  let movedMs = 0;
  let isFirstCheck = true;
  /** Whether bytes may wait in the kernel. Once none do, only headgate's next write can change that. */
  let mayWait = true;
  const movement = createMovement(() => {
    if (!mayWait) return 0;
    const counts = unacknowledged();
    mayWait = counts.some((count) => count !== undefined && count > 0);
    return counts.reduce<number>((sum, count = 0) => sum + count, 0);
  });
  const watchdog = createWatchdog(toDueMs, onDue);
  onMoved();
  return { onMoved, stop: watchdog.stop };

  function onMoved(): void {
    movedMs = performance.now();
    mayWait = true;
    isFirstCheck = true;
    movement.restart(movedMs);
    watchdog.watch();
  }

  function toDueMs(): number {
    return movement.nextMs(movedMs, limitMs);
  }

  function onDue(): void {
    const nowMs = performance.now();
    const hasMoved = movement.check(nowMs);
    // The first check has nothing to compare with: bytes that wait may have moved until now.
    if (hasMoved || (isFirstCheck && mayWait)) movedMs = performance.now();
    isFirstCheck = false;
    if (toDueMs() > nowMs) watchdog.watch();
    else onIdle();
  }
}
