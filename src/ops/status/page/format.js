/** Formats numbers as short texts whose width hardly changes. */

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/**
 * Formats a count, from a million on with M or G.
 *
 * @param {number} value
 */
export function toCount(value) {
  if (value < 1e6) return grouped.format(value);
  if (value < 1e9) return `${(value / 1e6).toFixed(2)} M`;
  return `${(value / 1e9).toFixed(2)} G`;
}

/**
 * Formats a number per second.
 *
 * @param {number | undefined} value
 */
export function toRate(value) {
  if (value === undefined) return "–";
  return value < 10 && value % 1 !== 0 ? value.toFixed(1) : grouped.format(value);
}

/**
 * A value and its unit.
 *
 * @typedef {readonly [string, string]} Quantity
 */

/**
 * Returns the value and its unit as one text.
 *
 * @param {Quantity} quantity
 */
export function toText([value, unit]) {
  return `${value} ${unit}`.trim();
}

/**
 * Formats milliseconds with about three digits.
 *
 * @param {number | undefined} ms
 * @returns {Quantity}
 */
export function toDuration(ms) {
  if (ms === undefined) return ["–", ""];
  if (ms === 0) return ["0", "ms"];
  if (ms >= 1000) return [(ms / 1000).toFixed(ms < 10_000 ? 2 : 1), "s"];
  return [ms.toFixed(ms < 1 ? 2 : ms < 100 ? 1 : 0), "ms"];
}

/**
 * Formats milliseconds as one text.
 *
 * @param {number | undefined} ms
 */
export function toDurationText(ms) {
  return toText(toDuration(ms));
}

/**
 * Formats a number of bytes, from 1024 on with a binary unit.
 *
 * @param {number} bytes
 * @returns {Quantity}
 */
export function toBytes(bytes) {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = "B";
  for (const larger of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return [unit === "B" ? String(value) : value.toFixed(value < 100 ? 1 : 0), unit];
}

/**
 * Formats a period with its largest units: `5 s`, `3 min`, `2 h 5 min`, `4 d 7 h`.
 *
 * @param {number} seconds
 */
export function toSpan(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3600)];
  return days === 0
    ? `${hours} h ${Math.floor((seconds % 3600) / 60)} min`
    : `${days} d ${hours} h`;
}

/**
 * Formats how long ago `then` was. Both are ISO times of headgate's clock, because the browser's clock may be wrong.
 *
 * @param {string} then
 * @param {string} now
 */
export function toAgo(then, now) {
  return `${toSpan((Date.parse(now) - Date.parse(then)) / 1000)} ago`;
}
