/** How a HEAD uses what earlier ones have learned: one HEAD finds out, and those that come meanwhile wait for it. */

import { NO_CACHE, type NegativeCache } from "../head/negative-cache.ts";
import { isOverridden } from "../head/override.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Returns the cache, or one that remembers nothing: a request with a method override says nothing about others. */
export function toNegativeCache(cache: NegativeCache, checked: CheckedRequest): NegativeCache {
  return isOverridden(checked) ? NO_CACHE : cache;
}

/** Whether the target is in the cache; a promise if another HEAD is finding out. */
export function isCached(cache: NegativeCache, head: ExchangeContext): boolean | Promise<boolean> {
  const cached = cache.has(head.route, head.checked);
  return typeof cached === "boolean" ? cached : waitForOther(cached, cache, head);
}

/** Waits for another HEAD and, if that gets no response, for the next one; it does not wait for a third. */
async function waitForOther(
  first: Promise<void>,
  cache: NegativeCache,
  { route, checked }: ExchangeContext,
): Promise<boolean> {
  await first;
  const cached = cache.has(route, checked);
  if (typeof cached === "boolean") return cached;
  await cached;
  return cache.has(route, checked) === true;
}

/** Records a response to the request as it was tried. A client error may come before the upstream looks at method or range. */
export function recordServed(cache: NegativeCache, head: ExchangeContext, status: number): void {
  if (status < 400) cache.delete(head.route, head.checked);
  else recordOther(cache, head, status);
}

/** Records a response that says nothing about the question; a server error says nothing at all. */
export function recordOther(
  cache: NegativeCache,
  { route, checked }: ExchangeContext,
  status: number,
): void {
  if (status < 500) cache.keep(route, checked);
  else cache.endTrial(route, checked);
}

/** Lets those that wait find out for themselves, if this HEAD has not. */
export function endTrial(cache: NegativeCache, { route, checked }: ExchangeContext): void {
  cache.endTrial(route, checked);
}
