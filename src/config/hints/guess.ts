/** Guesses what an operator meant by an invalid value: `30` → 30s. Each guess is undefined if nothing is probable. */

import { formatDuration, formatSize } from "../units.ts";

/** Returns `; did you mean "30s"?`, or an empty text without a guess. */
export function toSuggestion(guess: string | undefined): string {
  return guess === undefined ? "" : `; did you mean "${guess}"?`;
}

const YES = new Set(["true", "yes", "on", "enabled", "1"]);
const NO = new Set(["false", "no", "off", "none", "disabled", "never", "0"]);

/** Guesses a boolean from a value of any kind that means yes or no. */
export function guessBoolean(input: unknown): boolean | undefined {
  if (!isScalar(input)) return undefined;
  const word = String(input).toLowerCase();
  if (YES.has(word)) return true;
  return NO.has(word) ? false : undefined;
}

const DURATION_WORDS: Readonly<Record<string, number>> = {
  ...toUnits(1, "ms msec msecs millis millisecond milliseconds"),
  ...toUnits(1_000, "s sec secs second seconds"),
  ...toUnits(60_000, "m min mins minute minutes"),
  ...toUnits(3_600_000, "h hr hrs hour hours"),
  ...toUnits(86_400_000, "d day days"),
};

/** Guesses a duration. A number without a unit counts as seconds, as in most configuration files. */
export function guessDuration(input: unknown): string | undefined {
  const total = sumUp(input, DURATION_WORDS, "s");
  return total === undefined ? undefined : formatDuration(total);
}

const SIZE_WORDS: Readonly<Record<string, number>> = {
  ...toUnits(1, "b byte bytes"),
  ...toUnits(1_024, "k kb kib ki"),
  ...toUnits(1_024 ** 2, "m mb mib mi"),
  ...toUnits(1_024 ** 3, "g gb gib gi"),
};

/** Guesses a size. A number without a unit counts as bytes. */
export function guessSize(input: unknown): string | undefined {
  const total = sumUp(input, SIZE_WORDS, "b");
  return total === undefined || !Number.isSafeInteger(total) ? undefined : formatSize(total);
}

/** Guesses a rate from `100`, `100r/s`, `100/sec` or `100 rps`. */
export function guessRate(input: unknown): string | undefined {
  if (!isScalar(input)) return undefined;
  const match = /^([0-9]+)(?:r?(?:\/|p)([a-z]+))?$/i.exec(String(input).replaceAll(" ", ""));
  const [, count = "", unit = "s"] = match ?? [];
  const factor = DURATION_WORDS[unit.toLowerCase()];
  const letter = ["s", "m", "h"].find((name) => DURATION_WORDS[name] === factor);
  return match === null || Number(count) === 0 || letter === undefined
    ? undefined
    : `${Number(count)}/${letter}`;
}

/** Guesses the items of a list from a text such as `GET, HEAD`, or from a single value such as 405. Empty if there is no guess. */
export function guessItems(input: unknown): readonly (string | number)[] {
  if (!isScalar(input) || typeof input === "boolean") return [];
  const words = String(input)
    .split(/[\s,;]+/)
    .filter((word) => word !== "");
  const isPlain = words.every((word) => /^[\w./:+-]+$/.test(word));
  return isPlain ? words.map((word) => (/^[0-9]+$/.test(word) ? Number(word) : word)) : [];
}

/** Returns a hint if the input is a number in quotes (`"10"`), and otherwise an empty text. */
export function guessNumber(input: unknown): string {
  const isNumber = typeof input === "string" && /^[0-9]{1,9}$/.test(input);
  return isNumber ? `; did you mean ${Number(input)}, without quotes?` : "";
}

/** Whether a value is a text, a number or a boolean. */
export function isScalar(input: unknown): input is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof input);
}

function toUnits(size: number, words: string): Readonly<Record<string, number>> {
  return Object.fromEntries(words.split(" ").map((word) => [word, size]));
}

/** Adds up the parts of `1m30s` or `64 kb`, and rounds. `preset` is the unit of a number without one. */
function sumUp(
  input: unknown,
  units: Readonly<Record<string, number>>,
  preset: string,
): number | undefined {
  if (!isScalar(input)) return undefined;
  const text = String(input).trim().toLowerCase();
  if (text.length > 40 || !/^([0-9]+([.,][0-9]+)?\s*[a-z]*\s*){1,4}$/.test(text)) return undefined;
  let total = 0;
  for (const [, number = "", word = ""] of text.matchAll(/([0-9]+(?:[.,][0-9]+)?)\s*([a-z]*)/g)) {
    const unit = units[word === "" ? preset : word];
    if (unit === undefined) return undefined;
    total += Number(number.replace(",", ".")) * unit;
  }
  return Math.round(total);
}
