/** HEADs that mean something to the application: a GET in their place would be another request, not the same without content. */

import type { HeadGuard } from "../config/schema/file.ts";
import { type PassthroughRequest, isSigned } from "./signatures.ts";

type Rule = (request: PassthroughRequest) => boolean;

const RULES: Readonly<Record<HeadGuard, Rule>> = {
  // tus 1.0.0: a HEAD asks how far an upload has come; servers have no GET there, or serve the file by it.
  tus: ({ fields }) => fields.some((name, index) => index % 2 === 0 && isTusField(name)),
  signed: isSigned,
};

/** Whether one of the guards holds its hand over this HEAD. */
export function passesThrough(request: PassthroughRequest, rules: readonly HeadGuard[]): boolean {
  return findPassthroughRule(request, rules) !== undefined;
}

/** Which one does, the first of them. */
export function findPassthroughRule(
  request: PassthroughRequest,
  rules: readonly HeadGuard[],
): HeadGuard | undefined {
  return rules.find((rule) => RULES[rule](request));
}

function isTusField(name: string): boolean {
  // Fields that begin with T or U are few: the others cost one comparison.
  const first = name.charCodeAt(0) | 0x20;
  if (first !== 0x74 && first !== 0x75) return false;
  const lower = name.toLowerCase();
  return lower === "tus-resumable" || lower.startsWith("upload-");
}
