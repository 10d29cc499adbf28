/** The time of a log line. */

/**
 * Makes `,"time":"2025-01-31T12:03:04.123Z"`, formatted once a millisecond: under load many lines share it, and formatting
 * costs more than the rest.
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
