/** How a HEAD uses what earlier HEADs have learned: one HEAD tries the upstream, and those that come meanwhile wait for its result. */

import { NO_CACHE, type NegativeCache } from "../head/negative-cache.ts";
import { isOverridden } from "../head/override.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { ExchangeContext } from "./context.ts";

/** Returns the cache, or an empty one for a request with a method override, whose response shows nothing about other requests. */
export function toNegativeCache(cache: NegativeCache, checked: CheckedRequest): NegativeCache {
  return isOverridden(checked) ? NO_CACHE : cache;
}

/** Whether the target is in the cache; a promise only if another HEAD is trying the upstream, so that a HEAD usually awaits nothing here. */
export function isCached(
  cache: NegativeCache,
  context: ExchangeContext,
): boolean | Promise<boolean> {
  const cached = cache.has(context.route, context.checked, context.exchange);
  return typeof cached === "boolean" ? cached : waitForOther(cached, cache, context);
}

/** Waits for another HEAD and, if that gets no response, for the next one; it does not wait for a third. */
async function waitForOther(
  first: Promise<void>,
  cache: NegativeCache,
  { route, checked, exchange }: ExchangeContext,
): Promise<boolean> {
  await first;
  const cached = cache.has(route, checked, exchange);
  if (typeof cached === "boolean") return cached;
  await cached;
  return cache.has(route, checked, exchange) === true;
}

/** Records the response to the tried request. After a client error nothing is learned: it may come before the check of method or range. */
export function recordServed(cache: NegativeCache, context: ExchangeContext, status: number): void {
  if (status < 400) cache.delete(context.route, context.checked);
  else recordInconclusive(cache, context, status);
}

/** Records a response from which nothing is learned. After a server error, the next HEAD tries again. */
export function recordInconclusive(
  cache: NegativeCache,
  { route, checked, exchange }: ExchangeContext,
  status: number,
): void {
  if (status < 500) cache.keep(route, checked);
  else cache.endTrial(route, checked, exchange);
}
