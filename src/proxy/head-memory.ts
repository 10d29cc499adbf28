/** How a HEAD uses what earlier ones have learned: one HEAD finds out, and those that come meanwhile wait for it. */

import { FORGETFUL, type NegativeCache } from "../head/memory.ts";
import { isOverridden } from "../head/override.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Returns the cache, or one that remembers nothing: a request with a method override says nothing about others. */
export function toNegativeCache(cache: NegativeCache, checked: CheckedRequest): NegativeCache {
  return isOverridden(checked) ? FORGETFUL : cache;
}

/** Whether the target is in the cache; a promise if another HEAD is finding out. */
export function isKnown(memory: NegativeCache, head: ExchangeContext): boolean | Promise<boolean> {
  const known = memory.has(head.route, head.checked);
  return typeof known === "boolean" ? known : waitForOther(known, memory, head);
}

/** Waits for another HEAD and, if that gets no response, for the next one; it does not wait for a third. */
async function waitForOther(
  first: Promise<void>,
  memory: NegativeCache,
  { route, checked }: ExchangeContext,
): Promise<boolean> {
  await first;
  const known = memory.has(route, checked);
  if (typeof known === "boolean") return known;
  await known;
  return memory.has(route, checked) === true;
}

/** Records a response to the request as it was tried. A client error may come before the upstream looks at method or range. */
export function recordServed(memory: NegativeCache, head: ExchangeContext, status: number): void {
  if (status < 400) memory.delete(head.route, head.checked);
  else recordOther(memory, head, status);
}

/** Records a response that says nothing about the question; a server error says nothing at all. */
export function recordOther(
  memory: NegativeCache,
  { route, checked }: ExchangeContext,
  status: number,
): void {
  if (status < 500) memory.skip(route, checked);
  else memory.giveUp(route, checked);
}

/** Lets those that wait find out for themselves, if this HEAD has not. */
export function giveUp(memory: NegativeCache, { route, checked }: ExchangeContext): void {
  memory.giveUp(route, checked);
}
