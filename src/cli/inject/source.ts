/** A file to change: its text, its nodes, and refusals that show a place in it. */

import { ConfigError, type Diagnostic, type Span, createSource } from "../../config/diagnostic.ts";
import { type MapNode, type Tree, type TreeNode, parseTrees } from "../../config/yaml/tree.ts";

/** A text by the name that messages call it. */
export interface InputFile {
  readonly name: string;
  readonly text: string;
}

/** The same, read. */
export interface SourceFile extends InputFile {
  readonly trees: readonly Tree[];
}

/** Something that headgate does not change, because it does not understand it. */
export class Refusal extends Error {
  readonly problem: Diagnostic;

  constructor({ name, text }: InputFile, span: Span, key: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.problem = createSource(name, text).toDiagnostic({ span, key, message });
  }
}

const RENDER_FIRST = "is a template; render it first, such as: helm template . | headgate inject -";

/** Reads a text. Throws a Refusal. */
export function readSource(file: InputFile): SourceFile {
  const trees = parseTrees(file.text);
  if (!("message" in trees)) return { ...file, trees };
  const start = file.text.lastIndexOf("\n", trees.start - 1) + 1;
  const end = file.text.indexOf("\n", trees.end);
  const isTemplate = file.text.slice(start, end === -1 ? undefined : end).includes("{{");
  const message = trees.message.charAt(0).toLowerCase() + trees.message.slice(1);
  throw new Refusal(file, trees, "", isTemplate ? RENDER_FIRST : message);
}

/** What `work` makes of each item. Throws a ConfigError with the refusals of all of them. */
export function forEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Result,
): readonly Result[] {
  const problems: Diagnostic[] = [];
  const results = items.flatMap((item) => {
    try {
      return [work(item)];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems.push(error.problem);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return results;
}

/** An object of a document, or an item of a list of objects. */
export interface Place {
  readonly file: SourceFile;
  readonly tree: Tree;
  /** How messages call it: `Deployment/my-app`. */
  readonly title: string;
  /** From the document's root to the object itself, including it. */
  readonly path: readonly TreeNode[];
  readonly root: MapNode;
}

/** Refuses, showing a node of the object. */
export function refuse(
  { file, title }: Pick<Place, "file" | "title">,
  span: Span,
  message: string,
): never {
  throw new Refusal(file, span, title, message);
}

/** An entry that stands in the mapping itself. */
export function findEntry(map: MapNode, key: string): MapNode["entries"][number] | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** The value of a key, also behind aliases and merge keys, for reading. */
export function read(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): TreeNode | undefined {
  return keys.reduce(
    (node, key) => readKey(tree, node, { key, depth: 0 }),
    resolveAlias(tree, map),
  );
}

/** Merges may nest. */
const MAX_MERGES = 8;

function readKey(
  tree: Tree,
  map: TreeNode | undefined,
  { key, depth }: { readonly key: string; readonly depth: number },
): TreeNode | undefined {
  if (map?.kind !== "map" || depth > MAX_MERGES) return undefined;
  const own = findEntry(map, key);
  if (own !== undefined) return resolveAlias(tree, own.value);
  const merged = resolveAlias(tree, findEntry(map, "<<")?.value);
  const sources = merged?.kind === "seq" ? merged.items : merged === undefined ? [] : [merged];
  for (const source of sources) {
    const found = readKey(tree, resolveAlias(tree, source), { key, depth: depth + 1 });
    if (found !== undefined) return found;
  }
  return undefined;
}

function resolveAlias(tree: Tree, node: TreeNode | undefined): TreeNode | undefined {
  return node?.kind === "alias" ? tree.anchors.get(node.name) : node;
}

/** A scalar as text; undefined for what is none. */
export function readText(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): string | undefined {
  const node = read(tree, map, ...keys);
  return node?.kind === "scalar" && node.value !== undefined ? String(node.value) : undefined;
}

/** The items of a list, for reading. */
export function readItems(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): readonly TreeNode[] {
  const node = read(tree, map, ...keys);
  if (node?.kind !== "seq") return [];
  return node.items.map((item) => resolveAlias(tree, item) ?? item);
}

/** A mapping of texts, for reading. */
export function readTexts(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): ReadonlyMap<string, string> {
  const node = read(tree, map, ...keys);
  if (node?.kind !== "map") return new Map();
  return new Map(
    node.entries.flatMap(({ key }) => {
      const text = key === undefined ? undefined : readText(tree, node, key);
      return key === undefined || text === undefined ? [] : [[key, text]];
    }),
  );
}

/**
 * The mapping at a path of keys, for a change: refused where it is behind an alias or a merge key, and where an alias repeats it
 * elsewhere.
 */
export function descend(place: Place, start: MapNode, ...keys: readonly string[]): MapNode {
  let map = start;
  assertOwn(place, map);
  for (const key of keys) {
    const entry = findOwnEntry(place, map, key);
    if (entry === undefined) return refuse(place, startOf(map), `has no ${key}`);
    if (entry.value.kind !== "map")
      return refuse(place, startOf(entry.value), `${key} is no mapping`);
    map = entry.value;
    assertOwn(place, map);
  }
  return map;
}

/** An entry of a mapping that headgate changes, or would add to. */
export function findOwnEntry(
  place: Place,
  map: MapNode,
  key: string,
): MapNode["entries"][number] | undefined {
  const entry = findEntry(map, key);
  if (entry === undefined) {
    const merge = findEntry(map, "<<");
    if (merge !== undefined)
      refuse(
        place,
        { start: merge.start, end: merge.gap },
        "a merge key stands where headgate has to add to; write its entries out",
      );
    return undefined;
  }
  assertOwn(place, entry.value);
  return entry;
}

/** Refuses an alias, and a node that an alias repeats elsewhere. */
export function assertOwn(place: Place, node: TreeNode): void {
  if (node.kind === "alias")
    refuse(place, node, "an alias stands where headgate has to add to; write its content out");
  const alias = place.tree.aliases.find(({ name }) => name === node.anchor);
  if (alias !== undefined)
    refuse(
      place,
      alias,
      `repeats what headgate has to change at &${alias.name}; write its content out`,
    );
}

/** Refuses an object with templates in its values. Comments may hold some. */
export function assertNoTemplate(place: Place, node: TreeNode = place.root): void {
  const { text } = place.file;
  if (node.kind === "alias") return;
  if (node.kind === "scalar") {
    const isPlain = !node.isBlock && !/^["']/.test(text.slice(node.start, node.start + 1));
    if (isPlain && text.slice(node.start, node.end).includes("{{"))
      refuse(place, node, RENDER_FIRST);
    return;
  }
  if (node.isFlow && text.startsWith("{{", node.start)) refuse(place, startOf(node), RENDER_FIRST);
  if (node.kind === "seq") for (const item of node.items) assertNoTemplate(place, item);
  else for (const { value } of node.entries) assertNoTemplate(place, value);
}

/** Refuses a template in a quoted text that has to be known. */
export function assertKnown(place: Place, node: TreeNode | undefined): void {
  if (node?.kind === "scalar" && String(node.value).includes("{{"))
    refuse(place, node, RENDER_FIRST);
}

/** A collection is shown by its first character. */
export function startOf({ start }: Span): Span {
  return { start, end: start + 1 };
}
