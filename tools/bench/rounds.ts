/** Below this share of its core a round was disturbed: cold caches and short event loops make each request more expensive. */
const CALM_SHARE = 0.93;
const ATTEMPTS = 3;

/** The items in the same cyclic order, from another first one in each round: no peer always follows the same neighbour or a pause. */
export function rotate<T>(items: readonly T[], round: number): readonly T[] {
  const first = round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/** Repeats a disturbed round. After the last attempt the least disturbed one counts, and its share shows its quality. */
export async function measureCalmly<T extends { readonly coreShare: number }>(
  measure: () => Promise<T>,
): Promise<T> {
  let best = await measure();
  for (let attempt = 1; attempt < ATTEMPTS && best.coreShare < CALM_SHARE; attempt += 1) {
    const next = await measure();
    if (next.coreShare > best.coreShare) best = next;
  }
  return best;
}
