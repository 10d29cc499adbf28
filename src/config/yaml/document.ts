/** Parses a YAML text into a plain value whose locations in the text can be looked up. */

import { Schema, isAlias, isMap, isNode, isScalar, isSeq } from "yaml";
import type { Alias, Node, Pair, Scalar, YAMLError, YAMLMap, YAMLSeq } from "yaml";
import type { KeyPath } from "../schema/issues.ts";
import { formatKey } from "../diagnostic.ts";
import type { SpanDiagnostic, Related } from "../diagnostic.ts";
import { explainErrors, findForeignText } from "../syntax/syntax.ts";
import { nextTurn } from "../../runtime/turn.ts";
import { substitute } from "../variables.ts";
import type { Environment } from "../variables.ts";
import { TEMPLATE } from "../syntax/cause.ts";
import { type Limits, MAX_REPEATED, OPTIONS, compose, readTokens, toTooLong } from "./compose.ts";
import { type Locate, createLocate, spanOf } from "./locate.ts";

/** A parsed file. */
export interface Document {
  /** Undefined if there is nothing that a schema could check. Mappings have no prototype, so `__proto__` is an ordinary key. */
  readonly value: unknown;
  /** The mistakes in the YAML itself and in variables. */
  readonly diagnostics: readonly SpanDiagnostic[];
  readonly locate: Locate;
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

const FILE_LIMITS: Limits = {
  tokens: 64 * 1024,
  depth: MAX_DEPTH,
  entries: MAX_ENTRIES,
  textLength: MAX_TEXT_LENGTH,
};
const TOO_LONG = toTooLong(MAX_TEXT_LENGTH);
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

function failed(start: number, message: string): Document {
  return unreadable([{ key: "", message, span: { start, end: start + 1 } }]);
}

function unreadable(diagnostics: readonly SpanDiagnostic[]): Document {
  return { value: undefined, diagnostics, locate: () => ({ start: 0, end: 0 }) };
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

  const start: Position = { path: [], depth: 0, isRepeated: false, isInFlow: false };
  return { value: visit(root, start), diagnostics, locate: createLocate(root, targets) };
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
