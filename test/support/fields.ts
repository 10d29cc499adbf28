/** Converts fields from the form that tests use. */

/** Converts `["A: 1", "B: 2"]` to name, value, name, value. */
export function toFields(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}
