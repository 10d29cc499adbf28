/** Durations, sizes and rates: "250ms" → milliseconds, "64KiB" → bytes, "30/m" → 0.5 a second. */

import type { TextSyntax } from "./text-syntax.ts";
import { decimalBeyond } from "./number-pattern.ts";

type Units = Readonly<Record<string, number>>;

const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Node's timers hold 31 bits: 596 hours and 31 minutes. A longer timer fires at once, and Node only prints a warning. */
const MAX_DURATION_MS = 596 * DURATION_UNITS.h;
/** In bytes. It exceeds any memory, and all whole numbers up to it are exact. */
const MAX_SIZE = 1024 * SIZE_UNITS.GiB;
/** The lower limit of a duration that must not be 0. */
export const ABOVE_ZERO = Number.EPSILON;

/** A rate is more than 0. It has at most 15 digits, so that the number is exact. */
const RATE_PATTERN = "^0*([1-9][0-9]{0,14})/(s|m|h)$";
const RATE_SECONDS: Units = { s: 1, m: 60, h: 3_600 };

/** The syntax of the texts that `parseRate` accepts. */
export const RATE_SYNTAX: TextSyntax = { name: "rate", shape: RATE_PATTERN };

/** Returns the syntax of the texts that `parseDuration` accepts with a result between the limits (milliseconds, inclusive). */
export function durationSyntax(name: string, limits: Limits = {}): TextSyntax {
  const { min = 0, max = MAX_DURATION_MS } = limits;
  return { name, ...quantitySyntax(DURATION_UNITS, min, max) };
}

/** Returns the syntax of the texts that `parseSize` accepts with a result between the limits (bytes, inclusive). */
export function sizeSyntax(name: string, { min = 0, max = MAX_SIZE }: Limits = {}): TextSyntax {
  return { name, ...quantitySyntax(SIZE_UNITS, min, max) };
}

/** In milliseconds or bytes. */
interface Limits {
  readonly min?: number;
  readonly max?: number;
}

function quantitySyntax(units: Units, min: number, max: number): Omit<TextSyntax, "name"> {
  const beyond = Object.entries(units).map(
    ([unit, size]) => `${decimalBeyond(min / size, max / size)}${unit}`,
  );
  return {
    shape: `^[0-9]+(\\.[0-9]+)?(${Object.keys(units).join("|")})$`,
    never: `^(?:${beyond.join("|")})$`,
  };
}

/** Parses "250ms", "1.5s", "1m" or "1h" into milliseconds. Throws a RangeError that says what is wrong. */
export function parseDuration(text: string): number {
  const milliseconds = parseQuantity(
    text,
    DURATION_UNITS,
    "a duration such as 250ms, 5s, 1m or 1h",
  );
  if (milliseconds > MAX_DURATION_MS)
    throw new RangeError(`"${text}" is longer than a timer can run (596h)`);
  return toWhole(milliseconds);
}

/** Parses "512B", "64KiB" or "1MiB" into bytes. Throws a RangeError that says what is wrong. */
export function parseSize(text: string): number {
  const bytes = parseQuantity(text, SIZE_UNITS, "a size such as 512B, 64KiB or 1MiB");
  if (bytes > MAX_SIZE) throw new RangeError(`"${text}" is too large: at most 1024GiB`);
  return toWhole(bytes);
}

/** Rounds, but a quantity above 0 never becomes 0, because 0 often means "no limit". */
function toWhole(quantity: number): number {
  return quantity > 0 ? Math.max(1, Math.round(quantity)) : 0;
}

/** Writes a number of milliseconds in its shortest form: 60000 → "1m". */
export function formatDuration(milliseconds: number): string {
  return milliseconds === 0 ? "0s" : formatQuantity(milliseconds, DURATION_UNITS);
}

/** Writes a number of bytes in its shortest form: 65536 → "64KiB". */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS);
}

/** Uses the largest unit that leaves no fraction. */
function formatQuantity(quantity: number, units: Units): string {
  const fitting = Object.entries(units).filter(([, size]) => quantity % size === 0);
  const [unit, size] = fitting.toSorted(([, a], [, b]) => b - a).at(quantity === 0 ? -1 : 0) ?? [
    "",
    1,
  ];
  return `${quantity / size}${unit}`;
}

/** Parses "100/s", "30/m" or "5/h" into events per second. Throws a RangeError that says what is wrong. */
export function parseRate(text: string): number {
  const [, number, unit = ""] = new RegExp(RATE_PATTERN).exec(text) ?? [];
  if (number === undefined)
    throw new RangeError(`"${text}" is not a rate such as 100/s, 30/m or 5/h`);
  return Number(number) / (RATE_SECONDS[unit] ?? 1);
}

/** Writes a number of events per second with the shortest unit that gives a whole number: 0.5 → "30/m". */
export function formatRate(perSecond: number): string {
  // A double cannot hold most thirds and sixtieths exactly, so the count is compared with a tolerance.
  const unit = ["s", "m"].find((name) => {
    const count = perSecond * (RATE_SECONDS[name] ?? 1);
    return Math.abs(count - Math.round(count)) < 1e-6;
  });
  return `${Math.round(perSecond * (RATE_SECONDS[unit ?? "h"] ?? 1))}/${unit ?? "h"}`;
}

/** A unit is required, even for 0: one reader takes "timeout: 5" for five seconds, another for five milliseconds. */
function parseQuantity(text: string, units: Units, expected: string): number {
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
