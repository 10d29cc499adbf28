/** "Did you mean": finds the known word that is nearest to the operator's word. */

/** Among more words, several would be near, and comparing all of them would take long. */
const MAX_KNOWN_WORDS = 256;

/** Returns `; did you mean "head"?` if a known word is near, and otherwise an empty text. */
export function didYouMean(written: string, known: readonly string[]): string {
  const nearest = findNearest(written, known);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

function findNearest(written: string, known: readonly string[]): string | undefined {
  if (written.length > 64 || known.length > MAX_KNOWN_WORDS) return undefined;
  const lower = written.toLowerCase();
  // One typing error in a short word, two or three in a longer one. With more errors a guess does not help.
  const maxDistance = Math.min(3, Math.max(1, Math.floor(written.length / 3)));
  const ranked = known
    .filter((word) => Math.abs(word.length - written.length) <= maxDistance)
    .map((word) => ({ word, distance: measureDistance(lower, word.toLowerCase()) }))
    .filter(({ distance }) => distance <= maxDistance)
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.word;
}

/** Computes the optimal string alignment distance: an insertion, deletion, substitution or swap of neighbours costs 1. */
function measureDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1;
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + substitution,
          isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
