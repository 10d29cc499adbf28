/** Finds where the values and keys of a parsed file are in its text. */

import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Alias, Node, Pair, YAMLMap } from "yaml";
import type { Span } from "../diagnostic.ts";
import type { KeyPath } from "../schema/issues.ts";

type PairOf = (map: YAMLMap, key: PropertyKey) => Pair<Node, Node | null> | undefined;

/** Creates a function that finds a mapping's entry by its key. It keeps an index: a mapping can have thousands of keys with mistakes. */
function createIndex(): PairOf {
  const indexes = new Map<YAMLMap, Map<unknown, Pair<Node, Node | null>>>();
  return (map, key) => {
    const known = indexes.get(map);
    if (known !== undefined) return known.get(key);
    const index = new Map<unknown, Pair<Node, Node | null>>();
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      if (!index.has(name)) index.set(name, pair);
    }
    indexes.set(map, index);
    return index.get(key);
  };
}

/** Returns where a value or its key is. For a missing value it returns the mapping or list that lacks it. */
export type Locate = (path: KeyPath, at: "key" | "value") => Span;

/** Creates the function for the nodes of one file; `targets` are the nodes that its aliases mean. */
export function createLocate(root: Node, targets: ReadonlyMap<Alias, Node>): Locate {
  const pairOf = createIndex();
  return (path, at) => locateIn({ root, targets, pairOf }, path, at);
}

interface Located {
  readonly root: Node;
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly pairOf: PairOf;
}

function locateIn({ root, targets, pairOf }: Located, path: KeyPath, at: "key" | "value"): Span {
  let node: Node = root;
  let span = startOf(root);
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = targets.get(node) ?? node;
    const pair = isMap(node) ? pairOf(node, part) : undefined;
    const next =
      pair?.value ?? (isSeq(node) ? (node.items[Number(part)] as Node | undefined) : undefined);
    if (pair !== undefined) span = spanOf(pair.key);
    const isLast = index === path.length - 1;
    if ((isLast && at === "key") || next === undefined) return span;
    // An empty value has no extent, so its key is marked instead.
    const own = isMap(next) || isSeq(next) ? startOf(next) : spanOf(next);
    span = own.end > own.start ? own : span;
    node = next;
  }
  return span;
}

/** Returns where a node is. */
export function spanOf(node: Node): Span {
  // Every node that was parsed from a text has a range. The type also covers nodes that a program builds.
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

/** Returns the span of a node's first character. A collection is marked there, because a long underline would not help. */
function startOf(node: Node): Span {
  const { start } = spanOf(node);
  return { start, end: start + 1 };
}
