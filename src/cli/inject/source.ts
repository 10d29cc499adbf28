/** A file to change: its text, its nodes, and refusals that show a position in it. */

import { ConfigError, type Diagnostic, type Span, createSource } from "../../config/diagnostic.ts";
import { type MapNode, type Tree, type TreeNode, parseTrees } from "../../config/yaml/tree.ts";

/** A text with the name that messages use. */
export interface InputFile {
  readonly name: string;
  readonly text: string;
}

/** A parsed input file. */
export interface SourceFile extends InputFile {
  readonly trees: readonly Tree[];
}

/** inject refuses to change something because it does not understand it. */
export class Refusal extends Error {
  readonly problem: Diagnostic;

  constructor({ name, text }: InputFile, span: Span, key: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.problem = createSource(name, text).toDiagnostic({ span, key, message });
  }
}

const RENDER_FIRST = "is a template; render it first, such as: helm template . | headgate inject -";

/** Parses a text. Throws a Refusal. */
export function readSource(file: InputFile): SourceFile {
  const trees = parseTrees(file.text);
  if (!("message" in trees)) return { ...file, trees };
  const start = file.text.lastIndexOf("\n", trees.start - 1) + 1;
  const end = file.text.indexOf("\n", trees.end);
  const isTemplate = file.text.slice(start, end === -1 ? undefined : end).includes("{{");
  const message = trees.message.charAt(0).toLowerCase() + trees.message.slice(1);
  throw new Refusal(file, trees, "", isTemplate ? RENDER_FIRST : message);
}

/** Applies `work` to each item. Throws a ConfigError with the refusals of all items. */
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
export interface SourceNode {
  readonly file: SourceFile;
  readonly tree: Tree;
  /** The name in messages: `Deployment/my-app`. */
  readonly title: string;
  /** The nodes from the document's root to the object, including the object. */
  readonly path: readonly TreeNode[];
  readonly root: MapNode;
}

/** Throws a Refusal that shows a node of the object. */
export function refuse(
  { file, title }: Pick<SourceNode, "file" | "title">,
  span: Span,
  message: string,
): never {
  throw new Refusal(file, span, title, message);
}

/** An entry that the mapping itself has, not a merged one. */
export function findEntry(map: MapNode, key: string): MapNode["entries"][number] | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** Reads the value of a key, also through aliases and merge keys. */
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

/** Merges may be nested. */
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

/** A scalar as text; undefined if the node is not a scalar. */
export function readText(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): string | undefined {
  const node = read(tree, map, ...keys);
  return node?.kind === "scalar" && node.value !== undefined ? String(node.value) : undefined;
}

/** Reads the items of a list. */
export function readItems(
  tree: Tree,
  map: TreeNode | undefined,
  ...keys: readonly string[]
): readonly TreeNode[] {
  const node = read(tree, map, ...keys);
  if (node?.kind !== "seq") return [];
  return node.items.map((item) => resolveAlias(tree, item) ?? item);
}

/** Reads a mapping of texts. */
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
 * Finds the mapping at a path of keys in order to change it. Refuses a mapping behind an alias or a merge key, and a mapping that an
 * alias repeats elsewhere.
 */
export function descend(place: SourceNode, start: MapNode, ...keys: readonly string[]): MapNode {
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

/** An entry of a mapping that inject changes, or would add an entry to. */
export function findOwnEntry(
  place: SourceNode,
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
export function assertOwn(place: SourceNode, node: TreeNode): void {
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

/** Refuses an object with templates in its values. Templates in comments are allowed. */
export function assertNoTemplate(place: SourceNode, node: TreeNode = place.root): void {
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

/** Refuses a template in a quoted text whose value inject needs. */
export function assertKnown(place: SourceNode, node: TreeNode | undefined): void {
  if (node?.kind === "scalar" && String(node.value).includes("{{"))
    refuse(place, node, RENDER_FIRST);
}

/** A collection is shown by its first character. */
export function startOf({ start }: Span): Span {
  return { start, end: start + 1 };
}
