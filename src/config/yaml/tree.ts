/** Parses a YAML or JSON text into nodes with their offsets, for edits that leave all other bytes unchanged. */

import { Composer, Parser, isAlias, isMap, isPair, isScalar, isSeq } from "yaml";
import type { CST, Document as ParsedDocument, Node, Pair, YAMLMap, YAMLSeq } from "yaml";
import type { Span } from "../diagnostic.ts";

/** A node. It starts after its anchor and tag, and ends with its content, without comments and white space. */
export type TreeNode = MapNode | SeqNode | ScalarNode | AliasNode;

interface Placed extends Span {
  readonly anchor: string | undefined;
  readonly hasTag: boolean;
}

interface Collection extends Placed {
  /** Whether it is written with brackets or braces. */
  readonly isFlow: boolean;
}

/** A mapping. */
export interface MapNode extends Collection {
  readonly kind: "map";
  readonly entries: readonly Entry[];
}

/** A list. */
export interface SeqNode extends Collection {
  readonly kind: "seq";
  readonly items: readonly TreeNode[];
}

/** A text, a number, a boolean or null. An empty value has no extent. */
export interface ScalarNode extends Placed {
  readonly kind: "scalar";
  /** Undefined for null. */
  readonly value: string | number | boolean | undefined;
  /** Whether it is a literal or folded text. Its end includes its last line end. */
  readonly isBlock: boolean;
}

/** An alias: `*name`. */
export interface AliasNode extends Placed {
  readonly kind: "alias";
  readonly name: string;
}

/** One key with its value. */
export interface Entry {
  /** Undefined if the key is no text, or is written as `? key`, with an anchor or with a tag. */
  readonly key: string | undefined;
  readonly start: number;
  /** The offset after the colon. */
  readonly gap: number;
  readonly value: TreeNode;
}

/** One document of a text. */
export interface Tree {
  /** Undefined for a document without content. */
  readonly root: TreeNode | undefined;
  readonly anchors: ReadonlyMap<string, TreeNode>;
  readonly aliases: readonly AliasNode[];
}

/** The first mistake in a text. */
export interface TreeError extends Span {
  readonly message: string;
}

const TOO_DEEP = "is nested too deeply";
/** The package reports an overflow of the stack as an error of the document, or throws it. */
const STACK = /call stack/i;

/** Parses all documents of a text, or returns its first mistake. Never throws. */
export function parseTrees(text: string): readonly Tree[] | TreeError {
  try {
    const trees: Tree[] = [];
    for (const document of new Composer({ keepSourceTokens: true }).compose(
      new Parser().parse(text),
    )) {
      const [error] = document.errors;
      if (error !== undefined) {
        const [message = ""] = error.message.split(/ at line \d+, column \d+/);
        const [start, end] = error.pos;
        return { start, end, message: STACK.test(message) ? TOO_DEEP : message };
      }
      const { tree, dangling } = toTree(document);
      if (dangling !== undefined) {
        const { start, end, name } = dangling;
        return { start, end, message: `there is no &${name} before this alias` };
      }
      trees.push(tree);
    }
    return trees;
  } catch (error) {
    // The package parses by recursion, so deep nesting overflows the stack.
    if (!(error instanceof RangeError)) throw error;
    return { start: 0, end: 1, message: TOO_DEEP };
  }
}

/** A document's tree, and its first alias that has no anchor before it. */
interface Converted {
  readonly tree: Tree;
  readonly dangling: AliasNode | undefined;
}

function toTree(document: ParsedDocument): Converted {
  const anchors = new Map<string, TreeNode>();
  const names = new Set<string>();
  const aliases: AliasNode[] = [];
  let dangling: AliasNode | undefined;

  function visit(node: Node): TreeNode {
    if ("anchor" in node && node.anchor !== undefined) names.add(node.anchor);
    const converted = convert(node);
    if (converted.anchor !== undefined) anchors.set(converted.anchor, converted);
    if (converted.kind === "alias") {
      aliases.push(converted);
      if (!names.has(converted.name)) dangling ??= converted;
    }
    return converted;
  }

  function convert(node: Node): TreeNode {
    const [start, end] = node.range ?? [0, 0];
    const anchor = isAlias(node) || !("anchor" in node) ? undefined : node.anchor;
    const placed = { start, end, anchor, hasTag: node.tag !== undefined };
    if (isAlias(node)) return { ...placed, kind: "alias", name: node.source };
    if (isMap(node)) return toMap(node, placed);
    if (isSeq(node)) return toSeq(node, placed);
    const isBlock = isScalar(node) && node.type?.startsWith("BLOCK") === true;
    const value = isScalar(node) ? toScalar(node.value) : undefined;
    return { ...placed, kind: "scalar", value, isBlock };
  }

  function toMap(node: YAMLMap, placed: Placed): MapNode {
    const isFlow = node.flow === true;
    const entries = (node.items as Pair<Node, Node | null>[]).map((pair) => toEntry(pair));
    const end = isFlow ? placed.end : (entries.at(-1)?.value.end ?? placed.end);
    return { ...placed, end, kind: "map", isFlow, entries };
  }

  function toSeq(node: YAMLSeq, placed: Placed): SeqNode {
    const isFlow = node.flow === true;
    // `[a: 1]` is a list with a mapping without braces.
    const items = (node.items as (Node | Pair<Node, Node | null>)[]).map((item) =>
      isPair(item) ? toSinglePair(item) : visit(item),
    );
    const end = isFlow ? placed.end : (items.at(-1)?.end ?? placed.end);
    return { ...placed, end, kind: "seq", isFlow, items };
  }

  function toSinglePair(pair: Pair<Node, Node | null>): MapNode {
    const entry = toEntry(pair);
    const placed = { start: entry.start, end: entry.value.end, anchor: undefined, hasTag: true };
    return { ...placed, kind: "map", isFlow: true, entries: [entry] };
  }

  function toEntry({ key, value, srcToken }: Pair<Node, Node | null>): Entry {
    const [start, keyEnd] = key.range ?? [0, 0];
    const { start: before = [], sep = [] } = (srcToken ?? {}) as Partial<CST.CollectionItem>;
    const colon = sep.find(({ type }) => type === "map-value-ind");
    const gap = colon === undefined ? keyEnd : colon.offset + 1;
    const isUnusual = before.some(({ type }) => /^(explicit-key-ind|anchor|tag)$/.test(type));
    const isText = isScalar(key) && typeof key.value === "string";
    // A plain key without an anchor, which nearly all are, needs no node of its own.
    if (!isScalar(key) || key.anchor !== undefined) visit(key);
    const converted = value === null ? emptyAt(gap) : visit(value);
    const isEmpty = converted.kind === "scalar" && converted.end === converted.start;
    return {
      key: isText && !isUnusual && colon !== undefined ? (key.value as string) : undefined,
      start,
      gap,
      value: isEmpty ? { ...converted, start: gap, end: gap } : converted,
    };
  }

  const { contents } = document;
  const root = contents === null ? undefined : visit(contents);
  return { tree: { root, anchors, aliases }, dangling };
}

/** Tags such as !!binary give other types of values. They count as null here, because manifests do not use them. */
function toScalar(value: unknown): ScalarNode["value"] {
  const isKnown = ["string", "number", "boolean"].includes(typeof value);
  return isKnown ? (value as ScalarNode["value"]) : undefined;
}

function emptyAt(offset: number): ScalarNode {
  const value = undefined;
  return {
    start: offset,
    end: offset,
    anchor: undefined,
    hasTag: false,
    kind: "scalar",
    value,
    isBlock: false,
  };
}
