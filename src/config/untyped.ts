/** Safe access to a value that no schema has checked yet. */

/** Returns a mapping as it is, and an empty mapping for any other value. */
export function asMapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** Returns a list as it is, and an empty list for any other value. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
