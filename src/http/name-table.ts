/** Field names that are looked for in each message. */

/** Returns the value of a field name, in any letter case; undefined for all others. */
export type NameTable<Value> = (name: string) => Value | undefined;

interface Entry<Value> {
  readonly lowerCaseName: string;
  readonly value: Value;
}

/**
 * Creates a table of lower-case names.
 *
 * A Map needs the lower-case form of each name that comes, and its hash: for eight fields half a microsecond. Here the length and the first
 * letter rule out nearly every other name.
 */
export function createNameTable<Value>(
  entries: Iterable<readonly [lowerCaseName: string, value: Value]>,
): NameTable<Value> {
  const table: (Entry<Value>[] | undefined)[] = [];
  for (const [lowerCaseName, value] of entries) {
    const slot = toSlot(lowerCaseName);
    while (table.length <= slot) table.push(undefined); // without holes, which are slower to read
    (table[slot] ??= []).push({ lowerCaseName, value });
  }
  return (name) => {
    const slot = toSlot(name);
    const candidates = slot < table.length ? table[slot] : undefined;
    if (candidates === undefined) return undefined;
    const lower = name.toLowerCase();
    for (const entry of candidates) if (entry.lowerCaseName === lower) return entry.value;
    return undefined;
  };
}

/** The five lowest bits of a letter are the same in both cases. */
function toSlot(name: string): number {
  return name.length * 32 + (name.charCodeAt(0) & 31);
}
