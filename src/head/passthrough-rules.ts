/** HEADs that have a meaning of their own for the application. A GET in their place would not be equivalent, so they pass through. */

import type { HeadGuard } from "../config/schema/head.ts";
import { type PassthroughRequest, isSigned } from "./signatures.ts";

type Rule = (request: PassthroughRequest) => boolean;

const RULES: Readonly<Record<HeadGuard, Rule>> = {
  // tus 1.0.0: a HEAD asks for the offset of an upload. For GET, servers have no handler there or serve the file.
  tus: ({ endToEnd }) => endToEnd.some((name, index) => index % 2 === 0 && isTusField(name)),
  signed: isSigned,
};

/** Returns the first rule that applies to this HEAD; undefined if none does. */
export function findPassthroughRule(
  request: PassthroughRequest,
  rules: readonly HeadGuard[],
): HeadGuard | undefined {
  return rules.find((rule) => RULES[rule](request));
}

function isTusField(name: string): boolean {
  // Few names begin with T or U, so one comparison excludes most others.
  const first = name.charCodeAt(0) | 0x20;
  if (first !== 0x74 && first !== 0x75) return false;
  const lower = name.toLowerCase();
  return lower === "tus-resumable" || lower.startsWith("upload-");
}
