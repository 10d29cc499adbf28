/** The time in a log line. */

/**
 * Returns a function that returns `,"time":"2025-01-31T12:03:04.123Z"`, in UTC. It formats the time at most once per millisecond,
 * because formatting is expensive and under load many lines have the same time.
 */
export function createTimestamp(): () => string {
  let formattedMs = -1;
  let text = "";
  return () => {
    const nowMs = Date.now();
    if (nowMs !== formattedMs) {
      formattedMs = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}
