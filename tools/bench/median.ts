/** The median; for an even number of values, the mean of the two middle ones. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
  return (lower + upper) / 2;
}

/** Combines objects of the same shape into one, in which each number is the median. */
export function toMedians<T extends object>(all: readonly T[]): T {
  const [first] = all;
  if (first === undefined) throw new Error("nothing was measured");
  const merged = Object.keys(first).map((key): [string, unknown] => {
    const values = all.map((one) => Reflect.get(one, key) as unknown);
    if (values.every((value) => typeof value === "number")) return [key, median(values)];
    return [key, values.every(isObject) ? toMedians(values) : values[0]];
  });
  return Object.fromEntries(merged) as T;
}

/** Whether a value is an object with named figures. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
