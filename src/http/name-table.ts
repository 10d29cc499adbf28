/** Fast lookup of field names, for every field of every message. */

/** Returns the value for a field name in any letter case; undefined for a name that is not in the table. */
export type NameTable<Value> = (name: string) => Value | undefined;

interface Entry<Value> {
  readonly lowerCaseName: string;
  readonly value: Value;
}

/**
 * Creates a table of lower-case names.
 *
 * A Map needs the lower-case form of each name, and its hash: for eight fields half a microsecond. Here the length and the first letter
 * exclude nearly every other name.
 */
export function createNameTable<Value>(
  entries: Iterable<readonly [lowerCaseName: string, value: Value]>,
): NameTable<Value> {
  const table: (Entry<Value>[] | undefined)[] = [];
  for (const [lowerCaseName, value] of entries) {
    const slot = toSlot(lowerCaseName);
    while (table.length <= slot) table.push(undefined); // an array with holes is slower to read
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
