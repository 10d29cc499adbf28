import { isObject, median, toMedians } from "./median.ts";

/** Figures with those of each round, in the same structure. */
export interface WithRounds {
  readonly rounds: readonly object[];
}

/**
 * The ratio of the values that `read` finds in both: the median of the ratios of the rounds. A ratio of two medians could compare an
 * undisturbed round of one with a disturbed round of the other. Undefined if one of them was not measured.
 */
export function toRatio<F extends WithRounds>(
  read: (figures: F) => number | undefined,
  figures: F | undefined,
  base: F | undefined,
): number | undefined {
  if (figures === undefined || base === undefined) return undefined;
  const bases = toRounds(base).map(read);
  const ratios = toRounds(figures).map((round, index) => divide(read(round), bases[index]));
  return ratios.every((ratio) => ratio !== undefined) ? median(ratios) : undefined;
}

/** The ratio of each figure to that of `base`, in the same structure; a figure that either lacks is left out. */
export function toRatios<F extends WithRounds>(figures: F, base: F): object {
  const bases = toRounds(base);
  return toMedians(toRounds(figures).map((round, index) => divideAll(round, bases[index] ?? {})));
}

/** The figures of each round. A figure that is measured once is the same in all rounds. */
function toRounds<F extends WithRounds>(figures: F): F[] {
  return figures.rounds.map((round) => ({ ...figures, ...round, rounds: [] }));
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
