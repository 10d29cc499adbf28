/** The path of a route: `/exact`, `/users/{id}/avatar`, `/prefix/*`. */

import { normalisePath } from "./path.ts";

/** A parsed path pattern. */
export interface PathPattern {
  /** In normal form; undefined stands for `{param}`, whose name matters to readers only. */
  readonly segments: readonly (string | undefined)[];
  /** Ends in `/*`: matches the path before it and everything below, by whole segments (Gateway API: PathPrefix). */
  readonly isPrefix: boolean;
}

const PARAM = /^\{[^{}]*\}$/;

/** Parses a path pattern that the schema accepted. Never throws: whatever is no pattern is taken literally. */
export function parsePattern(path: string): PathPattern {
  const isPrefix = path.endsWith("/*");
  const stem = normalisePath(encodeNonAscii(isPrefix ? path.slice(0, -2) : path));
  // `/prefix/*` has the stem `/prefix`, and `/prefix//*` is the same; `/*` has none at all.
  const trimmed = isPrefix && stem.endsWith("/") ? stem.slice(0, -1) : stem;
  const segments = trimmed.split("/").slice(1);
  return {
    segments: segments.map((segment) => (PARAM.test(segment) ? undefined : segment)),
    isPrefix,
  };
}

/** Two patterns with the same key match the same paths: `/users/{id}` and `/us%65rs/{name}` do. */
export function toPatternKey(path: string): string {
  const { segments, isPrefix } = parsePattern(path);
  const key = segments.map((segment) => `/${segment ?? "{}"}`).join("");
  return isPrefix ? `${key}/*` : key;
}

/** `/café` in a file is `/caf%C3%A9` in a request-target (RFC 3987 §3.1). */
function encodeNonAscii(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (text) =>
    encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")),
  );
}
