import type { Figures } from "./measure.ts";
import { isObject, median, toMedians } from "./median.ts";

/**
 * What `read` finds in the one, by what it finds in the other: the median of the ratios of the rounds. The ratio of two medians
 * would compare a calm round of the one with a disturbed one of the other. Undefined where one of them was not measured.
 */
export function toRatio(
  read: (figures: Figures) => number | undefined,
  figures: Figures | undefined,
  base: Figures | undefined,
): number | undefined {
  if (figures === undefined || base === undefined) return undefined;
  const bases = toRounds(base).map(read);
  const ratios = toRounds(figures).map((round, index) => divide(read(round), bases[index]));
  return ratios.every((ratio) => ratio !== undefined) ? median(ratios) : undefined;
}

/** Every figure by the same one of `base`, as nested as they are; what either lacks is left out. */
export function toRatios(figures: Figures, base: Figures): object {
  const bases = toRounds(base);
  return toMedians(toRounds(figures).map((round, index) => divideAll(round, bases[index] ?? {})));
}

/** Each round by itself. What is measured once is the same in all. */
function toRounds({ rounds, ...figures }: Figures): Figures[] {
  return rounds.map((round) => ({ ...figures, ...round, rounds: [] }));
}

function divideAll(part: object, whole: object): object {
  const wholes = new Map<string, unknown>(Object.entries(whole));
  return Object.fromEntries(
    Object.entries(part).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
      const by = wholes.get(key);
      if (typeof value === "number" && typeof by === "number") {
        const ratio = divide(value, by);
        return ratio === undefined ? [] : [[key, ratio]];
      }
      if (isObject(value) && isObject(by)) return [[key, divideAll(value, by)]];
      return [];
    }),
  );
}

function divide(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole === 0 ? undefined : part / whole;
}
