import type { Figures } from "./measure.ts";

/** Every figure of `figures` divided by the same one of `base`, as nested as they are; what either lacks is left out. */
export function toRatios(figures: Figures, base: Figures): object {
  return divideAll(figures, base);
}

function divideAll(part: object, whole: object): object {
  const wholes = new Map<string, unknown>(Object.entries(whole));
  return Object.fromEntries(
    Object.entries(part).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
      const by = wholes.get(key);
      if (typeof value === "number" && typeof by === "number" && by > 0) return [[key, value / by]];
      if (isObject(value) && isObject(by)) return [[key, divideAll(value, by)]];
      return [];
    }),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
