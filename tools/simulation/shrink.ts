/** Shrinks a failing schedule by leaving out what the failure does not need. */

import type { Schedule } from "./schedule.ts";

const MAX_RUNS = 3_000;

type Node = Record<string, unknown> | unknown[];

/** Leaves out clients, requests, settings and faults, and lowers numbers, while `fails` still holds. */
export function shrink(schedule: Schedule, fails: (smaller: Schedule) => boolean): Schedule {
  let best = schedule;
  let runs = 0;
  for (let isSmaller = true; isSmaller && runs < MAX_RUNS;) {
    isSmaller = false;
    for (const change of changes(best)) {
      runs += 1;
      if (runs > MAX_RUNS) break;
      const smaller = structuredClone(best);
      change(smaller as unknown as Node);
      if (!fails(smaller)) continue;
      best = smaller;
      isSmaller = true;
      break;
    }
  }
  return best;
}

/** All ways to shrink it by one step, large steps first. */
function* changes(schedule: Schedule): Generator<(root: Node) => void> {
  const paths = [...pathsIn(schedule as unknown as Node, [])].toSorted(
    (a, b) => a.length - b.length,
  );
  for (const path of paths) yield (root) => remove(root, path);
  for (const path of paths) {
    const value = valueAt(schedule as unknown as Node, path);
    if (typeof value !== "number" || value < 2 || path[0] === "order") continue;
    yield (root) => set(root, path, Math.floor(value / 2));
  }
}

type Path = readonly (string | number)[];

function* pathsIn(node: Node, at: Path): Generator<Path> {
  const keys = Array.isArray(node) ? node.keys() : Object.keys(node);
  for (const key of keys) {
    const path = [...at, key];
    const value = (node as Record<string | number, unknown>)[key];
    if (!isNeeded(path)) yield path;
    if (typeof value === "object" && value !== null) yield* pathsIn(value as Node, path);
  }
}

/** Whether the types require this part of a schedule. */
function isNeeded(path: Path): boolean {
  const [first] = path;
  const last = path.at(-1);
  if (path.length === 1 && (first === "order" || first === "clients")) return true;
  if (typeof last === "number") return false;
  return [
    "requests",
    "room",
    "bytes",
    "everyMs",
    "at",
    "what",
    "how",
    "afterMs",
    "addresses",
  ].includes(String(last))
    ? !(last === "bytes" && path.includes("responses"))
    : last === "atMs" && (path.includes("leaves") || path.includes("events"));
}

function parentOf(root: Node, path: Path): Record<string | number, unknown> {
  let node = root as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) node = node[key] as Record<string | number, unknown>;
  return node;
}

function valueAt(root: Node, path: Path): unknown {
  return parentOf(root, path)[path.at(-1) ?? ""];
}

function remove(root: Node, path: Path): void {
  const parent = parentOf(root, path);
  const last = path.at(-1) ?? "";
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
}

function set(root: Node, path: Path, value: number): void {
  parentOf(root, path)[path.at(-1) ?? ""] = value;
}
