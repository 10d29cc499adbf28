/** HEADs that mean something to the application: a GET in their place would be another request, not the same without content. */

import type { HeadGuard } from "../config/schema/head.ts";
import { type GuardedRequest, isSigned } from "./signatures.ts";

type Guard = (request: GuardedRequest) => boolean;

const GUARDS: Readonly<Record<HeadGuard, Guard>> = {
  // tus 1.0.0: a HEAD asks how far an upload has come; servers have no GET there, or serve the file by it.
  tus: ({ fields }) => fields.some((name, index) => index % 2 === 0 && isTusField(name)),
  signed: isSigned,
};

/** Whether one of the guards holds its hand over this HEAD. */
export function passesThrough(request: GuardedRequest, guards: readonly HeadGuard[]): boolean {
  return findGuard(request, guards) !== undefined;
}

/** Which one does, the first of them. */
export function findGuard(
  request: GuardedRequest,
  guards: readonly HeadGuard[],
): HeadGuard | undefined {
  return guards.find((guard) => GUARDS[guard](request));
}

function isTusField(name: string): boolean {
  // Fields that begin with T or U are few: the others cost one comparison.
  const first = name.charCodeAt(0) | 0x20;
  if (first !== 0x74 && first !== 0x75) return false;
  const lower = name.toLowerCase();
  return lower === "tus-resumable" || lower.startsWith("upload-");
}
