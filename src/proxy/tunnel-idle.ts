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
    return mayWait ? movement.nextMs(movedMs, limitMs) : movedMs + limitMs;
  }

  function onDue(): void {
    const nowMs = performance.now();
    if (mayWait) {
      const hasMoved = movement.check(nowMs);
      // The first check has nothing to compare with: bytes that wait may have moved until now.
      if (mayWait && (hasMoved || isFirstCheck)) movedMs = nowMs;
      isFirstCheck = false;
    }
    if (toDueMs() > nowMs) watchdog.watch();
    else onIdle();
  }
}
