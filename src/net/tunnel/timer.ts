/** Limits of time. */

/** The longest time that Node's timers can hold; anything above fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A timer of Node's; undefined for 0, which stands for no limit. */
export function startTimer(timeoutMs: number, action: () => void): NodeJS.Timeout | undefined {
  return timeoutMs === 0 ? undefined : setTimeout(action, Math.min(timeoutMs, LONGEST_MS));
}
