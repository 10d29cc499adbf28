/** Fields as tests write them. */

/** `["A: 1", "B: 2"]` as name, value, name, value. */
export function toFields(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}
