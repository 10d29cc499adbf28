/** Regular expressions for ranges of numbers. The JSON Schema needs them, because it can check a text only with a pattern. */

const FRACTION = "(?:\\.[0-9]+)?";

/** Returns a pattern for the whole numbers from `min` to `max`, without leading zeros. `max` may be Infinity. */
export function wholeNumber(min: number, max: number): string {
  const alternatives: string[] = [];
  let from = min;
  while (from <= max) {
    const digits = String(from).length;
    const to = Math.min(max, 10 ** digits - 1);
    if (max === Infinity && from === 10 ** (digits - 1)) {
      alternatives.push(`[1-9][0-9]{${digits - 1},}`);
      break;
    }
    alternatives.push(...ofSameLength(String(from), String(to)));
    from = to + 1;
  }
  return `(?:${alternatives.join("|")})`;
}

/** Returns alternatives for the numbers from `min` to `max`, which have the same number of digits. */
function ofSameLength(min: string, max: string): readonly string[] {
  if (min === "" || min === max) return [min];
  const [first, last] = [Number(min[0]), Number(max[0])];
  const [low, high] = [min.slice(1), max.slice(1)];
  if (first === last) return ofSameLength(low, high).map((rest) => `${first}${rest}`);
  // Any digits may follow a first digit between the two limits' own. They may also follow a limit's own first digit, if
  // the rest of `min` is all 0, or the rest of `max` all 9.
  const from = /^0*$/.test(low) ? first : first + 1;
  const to = /^9*$/.test(high) ? last : last - 1;
  const digit = from === to ? String(from) : `[${from}-${to}]`;
  const any = low.length < 2 ? "[0-9]".repeat(low.length) : `[0-9]{${low.length}}`;
  return [
    ...(from === first
      ? []
      : ofSameLength(low, "9".repeat(low.length)).map((rest) => `${first}${rest}`)),
    ...(from <= to ? [`${digit}${any}`] : []),
    ...(to === last
      ? []
      : ofSameLength("0".repeat(low.length), high).map((rest) => `${last}${rest}`)),
  ];
}

/**
 * Returns a pattern for the decimal numbers below `min` or above `max`. If a limit is not a whole number, the pattern misses
 * some numbers beyond it, but it never matches a number within the limits.
 */
export function decimalBeyond(min: number, max: number): string {
  const below = min >= 1 ? `${wholeNumber(0, Math.floor(min) - 1)}${FRACTION}` : "0(?:\\.0+)?";
  const above = `${wholeNumber(Math.floor(max) + 1, Infinity)}${FRACTION}`;
  const justAbove = `${max}\\.[0-9]*[1-9][0-9]*`;
  return `0*(?:${[
    ...(min > 0 ? [below] : []),
    above,
    ...(Number.isInteger(max) ? [justAbove] : []),
  ].join("|")})`;
}
