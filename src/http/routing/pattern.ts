/** The path of a route: `/exact`, `/users/{id}/avatar`, `/prefix/*`. */

import { normalisePath } from "./path.ts";

/** A parsed path pattern. */
export interface PathPattern {
  /** The segments in normal form; undefined stands for `{param}`, whose name has no effect. */
  readonly segments: readonly (string | undefined)[];
  /** Whether it ends in `/*`: it matches the path before that and everything below, by whole segments (Gateway API: PathPrefix). */
  readonly isPrefix: boolean;
}

const PARAM = /^\{[^{}]*\}$/;

/** Parses a path pattern that the schema accepted. Never throws: text that is not a pattern is literal. */
export function parsePattern(path: string): PathPattern {
  const isPrefix = path.endsWith("/*");
  const stem = normalisePath(encodeNonAscii(isPrefix ? path.slice(0, -2) : path));
  // `/prefix/*` and `/prefix//*` have the stem `/prefix`; `/*` has an empty one.
  const trimmed = isPrefix && stem.endsWith("/") ? stem.slice(0, -1) : stem;
  const segments = trimmed.split("/").slice(1);
  return {
    segments: segments.map((segment) => (PARAM.test(segment) ? undefined : segment)),
    isPrefix,
  };
}

/** Returns a key that is equal for patterns that match the same paths, such as `/users/{id}` and `/us%65rs/{name}`. */
export function toPatternKey(path: string): string {
  const { segments, isPrefix } = parsePattern(path);
  const key = segments.map((segment) => `/${segment ?? "{}"}`).join("");
  return isPrefix ? `${key}/*` : key;
}

/** Encodes a path of the route file: `/café` is `/caf%C3%A9` in a request-target (RFC 3987 §3.1). */
function encodeNonAscii(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (text) =>
    encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")),
  );
}
