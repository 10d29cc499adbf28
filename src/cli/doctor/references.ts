/** Follows local references of an OpenAPI document, `#/components/parameters/id` (RFC 6901), but not those to other documents. */

import { asMapping } from "../../config/untyped.ts";

/** An object of the document. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Follows references. The result is an empty mapping if a reference is dangling, circular or leads outside the document. */
export type Resolve = (node: unknown) => Mapping;

/** The maximum length of a chain of references; generators write shorter chains. */
const MAX_HOPS = 32;

/** Creates the function that follows references in one document. */
export function createResolve(root: unknown): Resolve {
  return (node) => {
    let current = asMapping(node);
    for (let hops = 0; hops <= MAX_HOPS; hops += 1) {
      const { $ref: reference } = current;
      if (typeof reference !== "string") return current;
      if (!reference.startsWith("#/")) return {};
      current = asMapping(find(root, reference));
    }
    return {};
  };
}

function find(root: unknown, reference: string): unknown {
  let value = root;
  for (const part of reference.slice(2).split("/")) {
    if (typeof value !== "object" || value === null) return undefined;
    const key = decode(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Mapping)[key];
  }
  return value;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
