/** A YAML text as a plain value that remembers its places. Only the yaml package is imported here. */

import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument as parseYaml,
  Parser,
} from "yaml";
import type {
  Alias,
  CST,
  Document as ParsedDocument,
  Node,
  Pair,
  Scalar,
  YAMLMap,
  YAMLSeq,
} from "yaml";
import type { KeyPath } from "./issues.ts";
import { formatKey } from "./problem.ts";
import type { Span } from "./problem.ts";
import { substitute } from "./variables.ts";
import type { Environment } from "./variables.ts";

/** A mistake in the YAML itself or in a variable. */
export interface Mistake {
  readonly key: string;
  readonly message: string;
  readonly span: Span;
}

/** A read file. */
export interface Document {
  /** Undefined where there is nothing that a schema could look at. Mappings have no prototype: `__proto__` is a key like any other. */
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Where a value or its key stands; for what is missing, the place that should hold it. */
  locate(path: KeyPath, at: "key" | "value"): Span;
}

/** The schema is five levels deep. Composing is recursive, and a file of a million brackets would end the process. */
const DEEPEST = 32;
/** Aliases may repeat a few settings, not multiply a small file into a large one ("billion laughs"). */
const MOST_REPEATED = 10_000;

/** As YAML 1.2 has it, whatever a %YAML directive says: `off` and `no` are texts. Duplicates are looked for below, in linear time. */
const OPTIONS = { schema: "core", uniqueKeys: false, prettyErrors: false } as const;

/** Reads a text. Never throws: everything that is wrong is in `mistakes`. */
export function parseDocument(text: string, env: Environment): Document {
  const tokens = [...new Parser().parse(text)];
  const tooDeep = findTooDeep(tokens);
  if (tooDeep !== undefined) return failed(tooDeep, `is nested deeper than ${DEEPEST} levels`);
  const [document, second] = [...new Composer(OPTIONS).compose(tokens)];
  if (document === undefined) return failed(0, "the file is empty");
  const errors = findSyntaxErrors(document, text);
  if (errors.length > 0)
    return { value: undefined, mistakes: errors, locate: () => ({ start: 0, end: 0 }) };
  if (second !== undefined)
    return failed(second.range[0], "a second document begins here; the route file is one document");
  if (
    document.contents === null ||
    (isScalar(document.contents) && document.contents.value === null)
  )
    return failed(0, "the file is empty");
  return convert(document.contents, env);
}

function failed(start: number, message: string): Document {
  const span = { start, end: start + 1 };
  return { value: undefined, mistakes: [{ key: "", message, span }], locate: () => span };
}

/** Once the parser has lost its way it stumbles over every further token: the first unexpected one is the mistake. */
function findSyntaxErrors(document: ParsedDocument, text: string): readonly Mistake[] {
  const all = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  const lost = all.findIndex(({ code }) => code === "UNEXPECTED_TOKEN");
  return all.slice(0, lost === -1 ? all.length : lost + 1).map(({ pos: [start, end], message }) => {
    // `{ path: /users/{id} }` and `[${PORT}]`: in flow collections a brace ends the plain value before it.
    const isWithinValue = /^[^\s{}[\],:][{[]$/.test(text.slice(start - 1, start + 1));
    const hint = "between brackets or braces a value with { or [ in it must stand in quotes";
    return {
      key: "",
      message: isWithinValue ? hint : lowerFirst(message),
      span: { start, end },
    };
  });
}

/** Walks the tokens without recursion. Returns the offset of the first one that is too deep. */
function findTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const waiting: { token: CST.Token; depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > DEEPEST) return token.offset;
    if (token.type === "document" && token.value) waiting.push({ token: token.value, depth });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) waiting.push({ token: key, depth: depth + 1 });
      if (value) waiting.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

/** Where the walk is: aliases lead back, so depth and repetition are counted here too. */
interface Place {
  readonly path: KeyPath;
  readonly depth: number;
  readonly isRepeated: boolean;
  /** Between brackets or braces. */
  readonly isInFlow: boolean;
}

function convert(root: Node, env: Environment): Document {
  const mistakes: Mistake[] = [];
  const anchors = new Map<string, { readonly node: Node; readonly isInFlow: boolean }>();
  const targets = new Map<Alias, Node>();
  let repeated = 0;

  function report(node: Node, path: KeyPath, message: string): undefined {
    mistakes.push({ key: formatKey(path), message, span: spanOf(node) });
  }

  function visit(node: Node, place: Place): unknown {
    if (place.isRepeated && ++repeated > MOST_REPEATED) {
      return repeated === MOST_REPEATED + 1
        ? report(node, place.path, `aliases repeat more than ${MOST_REPEATED} values`)
        : undefined;
    }
    if (place.depth > DEEPEST)
      return report(
        node,
        place.path,
        "an alias leads back to itself, or aliases are nested too deeply",
      );
    if (isAlias(node)) return visitAlias(node, place);
    if (!place.isRepeated && "anchor" in node && node.anchor !== undefined)
      anchors.set(node.anchor, { node, isInFlow: place.isInFlow });
    if (isMap(node)) return visitMap(node, enter(node, place));
    if (isSeq(node)) {
      const inside = enter(node, place);
      return node.items.map((item, index) =>
        visit(item as Node, { ...inside, path: [...place.path, index] }),
      );
    }
    return isScalar(node) ? visitScalar(node, place) : undefined;
  }

  function enter({ flow = false }: YAMLMap | YAMLSeq, place: Place): Place {
    return { ...place, depth: place.depth + 1, isInFlow: place.isInFlow || flow };
  }

  function visitAlias(alias: Alias, place: Place): unknown {
    const target = anchors.get(alias.source);
    if (target === undefined)
      return report(alias, place.path, `the alias *${alias.source} has no anchor before it`);
    const { node, isInFlow } = target;
    targets.set(alias, node);
    return visit(node, { ...place, depth: place.depth + 1, isRepeated: true, isInFlow });
  }

  function visitMap(map: YAMLMap, place: Place): unknown {
    const value: Record<string, unknown> = Object.create(null);
    const seen = new Map<string, Node>();
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      const path = [...place.path, typeof key === "string" ? key : "?"];
      if (typeof key !== "string")
        report(pair.key, place.path, "a key must be text: put it in quotes");
      else if (key === "__proto__") report(pair.key, path, "is not a key that can be used");
      else if (seen.has(key)) report(pair.key, path, "is written twice");
      else {
        seen.set(key, pair.key);
        value[key] =
          pair.value === null
            ? null // oxlint-disable-line unicorn/no-null -- YAML has one, and the schema refuses it
            : visit(pair.value, { ...place, path });
      }
    }
    return value;
  }

  function visitScalar(node: Scalar, { path, isInFlow }: Place): unknown {
    const { value, type } = node;
    if (typeof value !== "string" || !value.includes("$")) return value;
    try {
      const text = substitute(value, env);
      // In flow collections a plain value holds no brace: `"${PORT}"` is the only way to write a variable there.
      const isPlain = type === "PLAIN" || (isInFlow && /^\$\{[^}]*\}$/.test(value));
      return isPlain && text !== value ? resolvePlain(text) : text;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      report(node, path, error.message);
      return value;
    }
  }

  function locate(path: KeyPath, at: "key" | "value"): Span {
    return locateIn(root, targets, { path, at });
  }

  const start: Place = { path: [], depth: 0, isRepeated: false, isInFlow: false };
  return { value: visit(root, start), mistakes, locate };
}

/**
 * A plain scalar is read again after its variables are in, so that `${PORT}` can be a number. Only null, numbers and booleans
 * come of it: whatever else YAML would make of the text, a text it stays.
 */
function resolvePlain(text: string): unknown {
  if (!/^[\w.+~-]{0,64}$/.test(text)) return text;
  const document = parseYaml(text, OPTIONS);
  const value: unknown =
    document.errors.length === 0 && (document.contents === null || isScalar(document.contents))
      ? document.toJS()
      : text;
  return typeof value === "string" ? text : value;
}

function locateIn(
  root: Node,
  targets: ReadonlyMap<Alias, Node>,
  { path, at }: { path: KeyPath; at: "key" | "value" },
): Span {
  let node: Node = root;
  let span = startOf(root);
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = targets.get(node) ?? node;
    const pair = isMap(node)
      ? (node.items as Pair<Node, Node | null>[]).find(
          ({ key }) => isScalar(key) && key.value === part,
        )
      : undefined;
    const next =
      pair?.value ?? (isSeq(node) ? (node.items[Number(part)] as Node | undefined) : undefined);
    if (pair !== undefined) span = spanOf(pair.key);
    const isLast = index === path.length - 1;
    if ((isLast && at === "key") || next === undefined) return span;
    // An empty value has no extent of its own: its key shows the place.
    const own = isMap(next) || isSeq(next) ? startOf(next) : spanOf(next);
    span = own.end > own.start ? own : span;
    node = next;
  }
  return span;
}

function spanOf(node: Node): Span {
  // Every node that was read from a text has a range; the type allows for those that a program builds.
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

/** A collection is shown by its first character: underlining a whole mapping points at nothing. */
function startOf(node: Node): Span {
  const { start } = spanOf(node);
  return { start, end: start + 1 };
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
