/** A unified diff of two texts, as diff -u and git write it. */

const CONTEXT = 3;

/** One line of either text, with its line end. */
interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Empty where the texts are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = compare(toLines(before), toLines(after));
  return `--- ${name}\n+++ ${name}\n${toHunks(lines).join("")}`;
}

function toLines(text: string): readonly string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** The shortest way from one text to the other (Myers, 1986), between what both begin and end with. */
function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before.at(-1 - end) === after.at(-1 - end)
  )
    end++;
  const middle = shortest(
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
  );
  return [
    ...before.slice(0, start).map(kept),
    ...middle,
    ...before.slice(before.length - end).map(kept),
  ];
}

function kept(text: string): Line {
  return { sign: " ", text };
}

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

/** Whether the way to a diagonal came down (an added line) from the one above, or from the left. */
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
    // An empty range is named by the line before it.
    return `${count(lines.slice(0, from)) + (length === 0 ? 0 : 1)},${length}`;
  };
  const body = shown.map(({ sign, text }) =>
    text.endsWith("\n") ? sign + text : `${sign}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range("+")} +${range("-")} @@\n${body.join("")}`;
}
