/** Parses a YAML text into a plain value whose locations in the text can be looked up. */

import {
  Composer,
  CST,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  Schema,
} from "yaml";
import type {
  Alias,
  Document as ParsedDocument,
  Node,
  Pair,
  Scalar,
  YAMLError,
  YAMLMap,
  YAMLSeq,
} from "yaml";
import type { KeyPath } from "../schema/issues.ts";
import { formatKey } from "../diagnostic.ts";
import type { SpanDiagnostic, Related, Span } from "../diagnostic.ts";
import { explainErrors, findForeignText } from "../syntax/syntax.ts";
import { nextTurn } from "../../runtime/turn.ts";
import { substitute } from "../variables.ts";
import type { Environment } from "../variables.ts";
import { asMapping } from "../untyped.ts";
import { TEMPLATE } from "../syntax/cause.ts";

/** A parsed file. */
export interface Document {
  /** Undefined if there is nothing that a schema could check. Mappings have no prototype, so `__proto__` is an ordinary key. */
  readonly value: unknown;
  /** The mistakes in the YAML itself and in variables. */
  readonly diagnostics: readonly SpanDiagnostic[];
  /** Returns where a value or its key is. For a missing value it returns the mapping or list that lacks it. */
  locate(path: KeyPath, at: "key" | "value"): Span;
}

/**
 * The limits of a route file. The YAML package needs two microseconds and two hundred bytes for each token, and more for each error. It
 * builds its nodes in one step and by recursion: half a megabyte of brackets took six seconds and 430 MiB. Each limit is checked before
 * the package gets the text beyond it. The limits allow about two thousand routes.
 */
export const MAX_FILE_BYTES = 256 * 1024;
/** In levels. The schema has five. */
const MAX_DEPTH = 32;
/** The maximum number of entries in one list or mapping. Reporting a mistake in an entry takes ten microseconds. */
export const MAX_ENTRIES = 4096;
/** In characters. No path, name or address is longer. */
export const MAX_TEXT_LENGTH = 4096;

/** The limits of the syntax tree of one text. */
interface Limits {
  readonly tokens: number;
  readonly depth: number;
  readonly entries: number;
  readonly textLength: number;
}
const FILE_LIMITS: Limits = {
  tokens: 64 * 1024,
  depth: MAX_DEPTH,
  entries: MAX_ENTRIES,
  textLength: MAX_TEXT_LENGTH,
};
/** Enough for an OpenAPI document of two thousand operations with descriptions. */
const DATA_LIMITS: Limits = {
  tokens: 512 * 1024,
  depth: 64,
  entries: 16 * 1024,
  textLength: 256 * 1024,
};
/** A text of this length takes at most two seconds. */
const MAX_DATA_BYTES = 4 * 1024 * 1024;
const TOO_LONG = toTooLong(MAX_TEXT_LENGTH);
/** Aliases may repeat a few settings, but must not expand a small file into a large one ("billion laughs"). */
const MAX_REPEATED = 10_000;
/** The maximum number of errors that are collected. */
const MAX_ERRORS = 100;
/** These tokens take a few milliseconds. */
const TOKENS_PER_TURN = 2048;

/**
 * Always YAML 1.2, regardless of a %YAML directive: `off` and `no` are texts. The code below finds duplicate keys itself, in linear
 * time.
 */
const OPTIONS = { schema: "core", uniqueKeys: false, prettyErrors: false } as const;

const CORE = new Schema({ schema: OPTIONS.schema });

/** Parses a text in steps, so that it does not block the event loop. Never rejects: all mistakes are in `diagnostics`. */
export async function parseDocument(text: string, env: Environment): Promise<Document> {
  const foreign = findForeignText(text);
  if (foreign !== undefined) return unreadable([{ key: "", ...foreign }]);
  const tokens = await readTokens(text, FILE_LIMITS);
  if ("message" in tokens) return failed(tokens.start, tokens.message);
  await nextTurn();
  const [, second] = tokens.filter(({ type }) => type === "document");
  const { document, errors } = compose(
    second === undefined ? tokens : tokens.slice(0, tokens.indexOf(second)),
  );
  if (errors.length > 0) return unreadable(await explain(text, errors));
  if (second !== undefined)
    return failed(second.offset, "a second document begins here; the route file is one document");
  const root = document?.contents;
  if (!isNode(root) || (isScalar(root) && root.value === null))
    return failed(
      0,
      text.includes("#") ? "the file holds nothing but comments" : "the file is empty",
    );
  // If the file is a single text, the colon or the space after its first key is missing.
  if (isScalar(root) && typeof root.value === "string") {
    const diagnostics = await explain(text, []);
    if (diagnostics.length > 0) return unreadable(diagnostics);
  }
  await nextTurn();
  return convert(root, env);
}

async function explain(
  text: string,
  errors: readonly YAMLError[],
): Promise<readonly SpanDiagnostic[]> {
  const causes = await explainErrors(text, errors);
  return causes.map(({ span, message, related }) => ({
    key: "",
    span,
    message,
    related,
  }));
}

/**
 * Parses a text that is not a route file, such as an OpenAPI document, into a plain value: without variables and locations, and with
 * all keys as texts, with merge keys. Never rejects: if the text is no YAML, holds several documents or exceeds a limit, the result is a reason.
 */
export async function parseData(
  text: string,
): Promise<{ readonly value: unknown } | { readonly reason: string }> {
  if (text.length > MAX_DATA_BYTES)
    return { reason: `is longer than ${MAX_DATA_BYTES} characters` };
  const tokens = await readTokens(text, DATA_LIMITS);
  if ("message" in tokens) return { reason: tokens.message };
  if (tokens.filter(({ type }) => type === "document").length > 1)
    return { reason: "it holds more than one document" };
  const { document, errors } = compose(tokens);
  const [error] = errors;
  if (error !== undefined) return { reason: lowerFirst(error.message) };
  await nextTurn();
  return toPlain(document?.contents);
}

/** Converts nodes to plain values. Each use of an alias counts towards the limit. */
function toPlain(root: unknown): { readonly value: unknown } | { readonly reason: string } {
  const anchors = new Map<string, unknown>();
  let repeated = 0;

  function visit(node: unknown, depth: number, isRepeated: boolean): unknown {
    if (depth > DATA_LIMITS.depth)
      throw new RangeError("aliases lead back, or are nested too deeply");
    if (isRepeated && (repeated += 1) > MAX_REPEATED)
      throw new RangeError(`aliases repeat more than ${MAX_REPEATED} values`);
    if (isAlias(node)) return visit(anchors.get(node.source), depth + 1, true);
    if (!isRepeated && isNode(node) && "anchor" in node && node.anchor !== undefined)
      anchors.set(node.anchor, node);
    if (isSeq(node)) return node.items.map((item) => visit(item, depth + 1, isRepeated));
    if (!isMap(node)) return isScalar(node) ? node.value : undefined;
    return toMerged(node, (item) => visit(item, depth + 1, isRepeated));
  }

  try {
    return { value: visit(root, 0, false) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { reason: error.message };
  }
}

/** A mapping with the entries that its merge keys bring; its own come first. */
function toMerged(map: YAMLMap, visit: (node: unknown) => unknown): Record<string, unknown> {
  const value: Record<string, unknown> = Object.create(null);
  const merged: unknown[] = [];
  for (const { key, value: item } of map.items) {
    if (!isScalar(key)) continue;
    if (key.value === "<<" && key.type === "PLAIN") merged.push(visit(item));
    else value[String(key.value)] = visit(item);
  }
  for (const source of merged.flat())
    for (const [key, item] of Object.entries(asMapping(source)))
      if (!(key in value)) value[key] = item;
  return value;
}

function failed(start: number, message: string): Document {
  return unreadable([{ key: "", message, span: { start, end: start + 1 } }]);
}

function unreadable(diagnostics: readonly SpanDiagnostic[]): Document {
  return { value: undefined, diagnostics, locate: () => ({ start: 0, end: 0 }) };
}

/** The limit that was exceeded, as a message, and where. */
interface Excess {
  readonly start: number;
  readonly message: string;
}

/** Returns the syntax tree of a text within the limits. It ends at the first error, because the parser cannot make sense of the rest. */
async function readTokens(text: string, limits: Limits): Promise<readonly CST.Token[] | Excess> {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let count = 0;
  let previous = "";
  for (const lexeme of new Lexer().lex(text)) {
    const start = parser.offset;
    count += 1;
    if (count > limits.tokens)
      return { start, message: `the file holds more than ${limits.tokens} words and marks` };
    if (lexeme.length > limits.textLength && isText(lexeme, previous))
      return { start, message: toTooLong(limits.textLength) };
    tokens.push(...parser.next(lexeme));
    if (tokens.at(-1)?.type === "error") break;
    const tooDeep = parser.stack[limits.depth + 1]; // the first one is the document itself
    if (tooDeep !== undefined && "items" in tooDeep)
      return { start: tooDeep.offset, message: `is nested deeper than ${limits.depth} levels` };
    const innermost = parser.stack.at(-1);
    if (innermost !== undefined && "items" in innermost && innermost.items.length > limits.entries)
      return { start: innermost.offset, message: `has more than ${limits.entries} entries` };
    previous = lexeme;
    if (count % TOKENS_PER_TURN === 0) await nextTurn();
  }
  return [...tokens, ...parser.end()];
}

/** Whether a token is a value or a key, and not a comment. */
function isText(lexeme: string, previous: string): boolean {
  return previous === CST.SCALAR || /^["']/.test(lexeme);
}

interface Composed {
  readonly document: ParsedDocument | undefined;
  readonly errors: readonly YAMLError[];
}

/** Thrown to leave the composer. */
class TooManyErrors extends Error {}

/** Builds the nodes. It stops after some errors, because each takes ten microseconds and a file can have one for each character. */
function compose(tokens: readonly CST.Token[]): Composed {
  const composer = new Composer(OPTIONS);
  stopAfter(MAX_ERRORS, composer);
  try {
    const [document] = [...composer.compose(tokens)];
    return { document, errors: [...(document?.errors ?? []), ...(document?.warnings ?? [])] };
  } catch (error) {
    if (!(error instanceof TooManyErrors)) throw error;
    const { errors, warnings } = composer.streamInfo();
    return { document: undefined, errors: [...errors, ...warnings] };
  }
}

/**
 * Makes the composer throw after that many errors. The composer reports all errors through one property, which is private in the
 * package's types. A test with a file full of errors checks that this still works.
 */
function stopAfter(max: number, composer: object): void {
  const reporter = composer as { onError: (...error: readonly unknown[]) => void };
  const report = reporter.onError;
  let count = 0;
  reporter.onError = (...error) => {
    if (count === max) throw new TooManyErrors(); // also if the composer reports this error itself
    count += 1;
    report(...error);
  };
}

/** The position while visiting nodes. Depth and repetition are counted here too, because an alias can lead back to its own parent. */
interface Position {
  readonly path: KeyPath;
  readonly depth: number;
  readonly isRepeated: boolean;
  /** Whether it is inside brackets or braces. */
  readonly isInFlow: boolean;
}

function convert(root: Node, env: Environment): Document {
  const diagnostics: SpanDiagnostic[] = [];
  const anchors = new Map<string, { readonly node: Node; readonly isInFlow: boolean }>();
  const targets = new Map<Alias, Node>();
  let repeated = 0;

  function report(node: Node, path: KeyPath, message: string, related?: Related): undefined {
    diagnostics.push({ key: formatKey(path), message, span: spanOf(node), related });
  }

  function visit(node: Node, position: Position): unknown {
    if (position.isRepeated && ++repeated > MAX_REPEATED) {
      return repeated === MAX_REPEATED + 1
        ? report(node, position.path, `aliases repeat more than ${MAX_REPEATED} values`)
        : undefined;
    }
    if (position.depth > MAX_DEPTH)
      return report(
        node,
        position.path,
        "an alias leads back to itself, or aliases are nested too deeply",
      );
    if (isAlias(node)) return visitAlias(node, position);
    if (!position.isRepeated && "anchor" in node && node.anchor !== undefined) {
      anchors.set(node.anchor, { node, isInFlow: position.isInFlow });
      if (isScalar(node) && node.value === null)
        return report(node, position.path, "a value that begins with & must stand in quotes");
    }
    if (isMap(node)) return visitMap(node, enter(node, position));
    if (isSeq(node)) {
      const inside = enter(node, position);
      return node.items.map((item, index) =>
        visit(item as Node, { ...inside, path: [...position.path, index] }),
      );
    }
    return isScalar(node) ? visitScalar(node, position) : undefined;
  }

  function enter({ flow = false }: YAMLMap | YAMLSeq, position: Position): Position {
    return { ...position, depth: position.depth + 1, isInFlow: position.isInFlow || flow };
  }

  function visitAlias(alias: Alias, position: Position): unknown {
    const target = anchors.get(alias.source);
    if (target === undefined) {
      return report(
        alias,
        position.path,
        /^[\w-]+$/.test(alias.source)
          ? "this alias has no anchor before it; a value that begins with * must stand in quotes"
          : "a value that begins with * must stand in quotes",
      );
    }
    const { node, isInFlow } = target;
    targets.set(alias, node);
    return visit(node, { ...position, depth: position.depth + 1, isRepeated: true, isInFlow });
  }

  function visitMap(map: YAMLMap, position: Position): unknown {
    // YAML reads `{{ .Values.listen }}` as a mapping whose key is a mapping.
    if (map.flow === true && isMap(map.items[0]?.key)) return report(map, position.path, TEMPLATE);
    const value: Record<string, unknown> = Object.create(null);
    const seen = new Map<string, Node>();
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      const path = [...position.path, typeof key === "string" ? key : "?"];
      const first = typeof key === "string" ? seen.get(key) : undefined;
      if (typeof key !== "string")
        report(pair.key, position.path, "a key must be text: put it in quotes");
      else if (key === "__proto__") report(pair.key, path, "is not a key that can be used");
      else if (first !== undefined) {
        report(pair.key, path, "is written twice", { span: spanOf(first), note: "the first one" });
      } else {
        seen.set(key, pair.key);
        value[key] =
          pair.value === null
            ? null // oxlint-disable-line unicorn/no-null -- YAML has null, and the schema refuses it
            : visit(pair.value, { ...position, path });
      }
    }
    return value;
  }

  function visitScalar(node: Scalar, { path, isInFlow }: Position): unknown {
    const { value, type } = node;
    if (typeof value !== "string" || !value.includes("$")) return value;
    try {
      const text = substitute(value, env);
      if (text.length > MAX_TEXT_LENGTH) throw new RangeError(TOO_LONG);
      // In a flow collection a plain value cannot contain a brace, so the operator must write `"${PORT}"` there.
      const isPlain = type === "PLAIN" || (isInFlow && /^\$\{[^}]*\}$/.test(value));
      return isPlain && text !== value ? resolvePlain(text) : text;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      report(node, path, error.message);
      return value;
    }
  }

  const pairOf = createIndex();
  function locate(path: KeyPath, at: "key" | "value"): Span {
    return locateIn({ root, targets, pairOf }, path, at);
  }

  const start: Position = { path: [], depth: 0, isRepeated: false, isInFlow: false };
  return { value: visit(root, start), diagnostics, locate };
}

/**
 * Resolves a plain scalar again after its variables are substituted, so that `${PORT}` can be a number. The result is null, a number
 * or a boolean; every other text stays a text.
 */
function resolvePlain(text: string): unknown {
  if (text.length > 64) return text;
  const tag = CORE.tags.find((one) => one.default === true && one.test?.test(text) === true);
  if (tag === undefined || tag.collection !== undefined) return text;
  const value = tag.resolve(text, () => undefined, OPTIONS);
  return isScalar(value) ? value.value : value;
}

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

function spanOf(node: Node): Span {
  // Every node that was parsed from a text has a range. The type also covers nodes that a program builds.
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

/** Returns the span of a node's first character. A collection is marked there, because a long underline would not help. */
function startOf(node: Node): Span {
  const { start } = spanOf(node);
  return { start, end: start + 1 };
}

function toTooLong(length: number): string {
  return `is longer than ${length} characters`;
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
