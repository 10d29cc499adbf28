/** Prints how often each event happened, by name. */
export function printCounts(counts: Iterable<readonly [name: string, count: number]>): void {
  for (const [name, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${name}: ${count}`);
}
