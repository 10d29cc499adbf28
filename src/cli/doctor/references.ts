/** Local references of an OpenAPI document: `#/components/parameters/id` (RFC 6901). References to other documents are not followed. */

import { asMapping } from "../../config/untyped.ts";

export type Mapping = Readonly<Record<string, unknown>>;

/** Follows references; the result of one that leads nowhere, outside or in a circle is an empty mapping. */
export type Resolve = (node: unknown) => Mapping;

/** More than any generator writes, one behind the other. */
const MAX_HOPS = 32;

/** Creates the function that follows the references of one document. */
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
