/** Durations, sizes and rates: "250ms" → milliseconds, "64KiB" → bytes, "30/m" → 0.5 a second. */

/** Node's timers hold 31 bits: a longer one fires at once, with a warning that nobody reads. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** What a duration looks like, for the JSON Schema. */
export const DURATION_PATTERN = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$";
/** What a size looks like, for the JSON Schema. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB)$";

/** What a rate looks like, for the JSON Schema. */
export const RATE_PATTERN = "^([0-9]+)/(s|m|h)$";
const RATE_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** Milliseconds of "250ms", "1.5s", "1m" or "1h". Throws a RangeError that says what is wrong. */
export function parseDuration(text: string): number {
  const milliseconds = Math.round(
    parseQuantity(text, DURATION_UNITS, "a duration such as 250ms, 5s, 1m or 1h"),
  );
  if (milliseconds > LONGEST_TIMER_MS)
    throw new RangeError(`"${text}" is longer than a timer can run (596h)`);
  return milliseconds;
}

/** Bytes of "512B", "64KiB" or "1MiB". Throws a RangeError that says what is wrong. */
export function parseSize(text: string): number {
  const bytes = Math.round(parseQuantity(text, SIZE_UNITS, "a size such as 512B, 64KiB or 1MiB"));
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`"${text}" is too large`);
  return bytes;
}

/** The shortest way to write that many milliseconds. */
export function formatDuration(milliseconds: number): string {
  return formatQuantity(milliseconds, DURATION_UNITS);
}

/** The shortest way to write that many bytes. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS);
}

/** In the largest unit that leaves no fraction. */
function formatQuantity(quantity: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, size]) => quantity % size === 0);
  const [unit, size] = fitting.toSorted(([, a], [, b]) => b - a).at(quantity === 0 ? -1 : 0) ?? [
    "",
    1,
  ];
  return `${quantity / size}${unit}`;
}

/** Events per second of "100/s", "30/m" or "5/h". Throws a RangeError that says what is wrong. */
export function parseRate(text: string): number {
  const [, number = "", unit = ""] = new RegExp(RATE_PATTERN).exec(text) ?? [];
  const perSecond = Number(number) / (RATE_SECONDS[unit] ?? 0);
  if (!(perSecond > 0 && perSecond < Infinity))
    throw new RangeError(`"${text}" is not a rate such as 100/s, 30/m or 5/h`);
  return perSecond;
}

/** The shortest time in which that many per second are a whole number. */
export function formatRate(perSecond: number): string {
  // Most thirds and sixtieths are no doubles: what was written comes back within their error.
  const unit = ["s", "m"].find((name) => {
    const count = perSecond * (RATE_SECONDS[name] ?? 1);
    return Math.abs(count - Math.round(count)) < 1e-6;
  });
  return `${Math.round(perSecond * (RATE_SECONDS[unit ?? "h"] ?? 1))}/${unit ?? "h"}`;
}

/** A unit is required, even for 0: "timeout: 5" is five seconds to one reader and five milliseconds to the next. */
function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  expected: string,
): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(text);
  const [, number = "", unit = ""] = match ?? [];
  const known = Object.keys(units).find((name) => name === unit);
  if (match !== null && known === undefined) {
    throw new RangeError(
      `"${text}" is not ${expected}${unit === "" ? ": the unit is missing" : ""}`,
    );
  }
  if (known === undefined) throw new RangeError(`"${text}" is not ${expected}`);
  return Number(number) * (units[known] ?? 1);
}
