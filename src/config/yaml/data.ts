/** Parses a YAML text that is not a route file into a plain value. */

import { isAlias, isMap, isNode, isScalar, isSeq } from "yaml";
import type { YAMLMap } from "yaml";
import { nextTurn } from "../../runtime/turn.ts";
import { asMapping } from "../untyped.ts";
import { type Limits, MAX_REPEATED, compose, readTokens } from "./compose.ts";

/** Enough for an OpenAPI document of two thousand operations with descriptions. */
const DATA_LIMITS: Limits = {
  tokens: 512 * 1024,
  depth: 64,
  entries: 16 * 1024,
  textLength: 256 * 1024,
};
/** A text of this length takes at most two seconds. */
const MAX_DATA_BYTES = 4 * 1024 * 1024;

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

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
