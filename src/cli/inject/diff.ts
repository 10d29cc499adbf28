/** Computes a unified diff of two texts in the format of `diff -u` and git. */

const CONTEXT = 3;

/** One line of either text, with its line end. */
interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Returns the diff; it is empty if the texts are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = compare(toLines(before), toLines(after));
  return `--- ${name}\n+++ ${name}\n${toHunks(lines).join("")}`;
}

function toLines(text: string): readonly string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** Splits the texts at unique lines that both have in the same order: one shortest path through a large file would take long. */
function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  const parts: Line[] = [];
  let x = 0;
  let y = 0;
  for (const [nextX, nextY] of [
    ...findAnchors(before, after),
    [before.length, after.length] as const,
  ]) {
    for (const line of compareBetween(before.slice(x, nextX), after.slice(y, nextY)))
      parts.push(line);
    const anchor = before[nextX];
    if (anchor !== undefined) parts.push(kept(anchor));
    x = nextX + 1;
    y = nextY + 1;
  }
  return parts;
}

type Pair = readonly [x: number, y: number];

function findAnchors(before: readonly string[], after: readonly string[]): readonly Pair[] {
  const places = onlyOnce(after);
  const common = [...onlyOnce(before)].flatMap(([line, x]): Pair[] => {
    const y = places.get(line);
    return y === undefined ? [] : [[x, y]];
  });
  // Keep only unique lines that have the same order in both texts; moved lines are part of the comparison between them.
  let last = -1;
  return common.filter(([, y], index) => {
    const isNext =
      y > last &&
      !common.slice(index + 1, index + 9).some(([, later]) => later > last && later < y);
    if (isNext) last = y;
    return isNext;
  });
}

/** The lines that occur once, with their indexes. */
function onlyOnce(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return new Map(
    lines.flatMap((line, index) => (counts.get(line) === 1 ? [[line, index] as const] : [])),
  );
}

/** Longer sections are shown as replaced: comparing them would take long and the result would help little. */
const MAX_LINES = 5000;

function compareBetween(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before.at(-1 - end) === after.at(-1 - end)
  )
    end++;
  const old = before.slice(start, before.length - end);
  const young = after.slice(start, after.length - end);
  return [
    ...before.slice(0, start).map(kept),
    ...(old.length + young.length > MAX_LINES ? replaced(old, young) : shortest(old, young)),
    ...before.slice(before.length - end).map(kept),
  ];
}

function replaced(before: readonly string[], after: readonly string[]): readonly Line[] {
  return [
    ...before.map((text): Line => ({ sign: "-", text })),
    ...after.map((text): Line => ({ sign: "+", text })),
  ];
}

function kept(text: string): Line {
  return { sign: " ", text };
}

/** Myers, "An O(ND) Difference Algorithm" (1986). */
function shortest(before: readonly string[], after: readonly string[]): readonly Line[] {
  const steps: ReadonlyMap<number, number>[] = [];
  let furthest = new Map([[1, 0]]);
  for (let distance = 0; ; distance++) {
    steps.push(new Map(furthest));
    const next = new Map(furthest);
    for (let diagonal = -distance; diagonal <= distance; diagonal += 2) {
      let x = startOf(furthest, diagonal, distance);
      let y = x - diagonal;
      while (x < before.length && y < after.length && before[x] === after[y]) {
        x++;
        y++;
      }
      next.set(diagonal, x);
      if (x >= before.length && y >= after.length) return trace(steps, before, after);
    }
    furthest = next;
  }
}

/** Whether the path to a diagonal came from the one above (an added line) or from the left. */
function startOf(
  furthest: ReadonlyMap<number, number>,
  diagonal: number,
  distance: number,
): number {
  const below = furthest.get(diagonal + 1) ?? -1;
  const left = furthest.get(diagonal - 1) ?? -1;
  return isDown(below, left, { diagonal, distance }) ? below : left + 1;
}

function isDown(
  below: number,
  left: number,
  { diagonal, distance }: { readonly diagonal: number; readonly distance: number },
): boolean {
  return diagonal === -distance || (diagonal !== distance && left < below);
}

function trace(
  steps: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): readonly Line[] {
  const lines: Line[] = [];
  let x = before.length;
  let y = after.length;
  for (const [distance, furthest] of [...steps.entries()].toReversed()) {
    const diagonal = x - y;
    const below = furthest.get(diagonal + 1) ?? -1;
    const left = furthest.get(diagonal - 1) ?? -1;
    const wasDown = isDown(below, left, { diagonal, distance });
    const fromX = distance === 0 ? 0 : wasDown ? below : left;
    const fromY = distance === 0 ? 0 : fromX - (wasDown ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY) {
      lines.push(kept(before[--x] ?? ""));
      y--;
    }
    if (distance === 0) break;
    if (wasDown) lines.push({ sign: "+", text: after[--y] ?? "" });
    else lines.push({ sign: "-", text: before[--x] ?? "" });
  }
  return lines.toReversed();
}

function toHunks(lines: readonly Line[]): readonly string[] {
  const changed = lines.flatMap(({ sign }, index) => (sign === " " ? [] : [index]));
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const last = ranges.at(-1);
    if (last !== undefined && index - last.to <= 2 * CONTEXT) last.to = index + 1;
    else ranges.push({ from: index, to: index + 1 });
  }
  return ranges.map(({ from, to }) => toHunk(lines, Math.max(0, from - CONTEXT), to + CONTEXT));
}

function toHunk(lines: readonly Line[], from: number, to: number): string {
  const shown = lines.slice(from, to);
  const range = (other: "-" | "+"): string => {
    const count = (some: readonly Line[]) => some.filter(({ sign }) => sign !== other).length;
    const length = count(shown);
    // The line before an empty range names it.
    return `${count(lines.slice(0, from)) + (length === 0 ? 0 : 1)},${length}`;
  };
  const body = shown.map(({ sign, text }) =>
    text.endsWith("\n") ? sign + text : `${sign}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range("+")} +${range("-")} @@\n${body.join("")}`;
}
