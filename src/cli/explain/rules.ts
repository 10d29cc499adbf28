/** The rules of a route that affect one request, besides its mode: as values for programs and as sentences for people. */

import type { HeadGuard } from "../../config/schema/head.ts";
import type { HeadLimit, RouteConfig } from "../../config/types.ts";
import { formatRate } from "../../config/units.ts";
import { repairsAllow } from "../../head/allow.ts";
import type { Plan } from "../../proxy/plan.ts";

/** A part is undefined if it changes nothing for this request. */
export interface AppliedRules {
  /** The guard because of which this HEAD goes upstream as HEAD. */
  readonly guard?: HeadGuard | undefined;
  /** The limit for the GETs that this HEAD may need. */
  readonly limit?: HeadLimit | undefined;
  readonly allow?: "repair" | undefined;
  readonly explain?: true | undefined;
}

/** Selects the rules that affect a request. */
export function toRules(route: RouteConfig, plan: Plan): AppliedRules {
  const allow = repairsAllow(route) ? "repair" : undefined;
  if (plan.kind !== "head") return { allow };
  const { limit, explain } = route.head;
  return {
    guard: plan.passthroughRule,
    limit: plan.mode.mayGet ? limit : undefined,
    allow,
    explain: explain || undefined,
  };
}

const GUARDS: Readonly<Record<HeadGuard, string>> = {
  tus: "a field belongs to the tus protocol",
  signed: "a signature covers the method",
};

/** Writes a sentence for each rule. */
export function toRuleWords({ guard, limit, allow, explain }: AppliedRules): readonly string[] {
  const words: string[] = [];
  if (guard !== undefined)
    words.push(
      `The guard ${guard} applies, because ${GUARDS[guard]}: headgate sends this HEAD as HEAD.`,
    );
  const most = toLimitWords(limit);
  if (most !== "")
    words.push(
      `HEADs that need a GET are limited to ${most}; a HEAD over the limit gets 503 with Retry-After.`,
    );
  if (allow !== undefined) words.push("headgate adds HEAD to an Allow field that lists GET.");
  if (explain !== undefined)
    words.push("The response has a Proxy-Status field that says what headgate did.");
  return words;
}

/** Empty if there is no limit. */
function toLimitWords({ concurrent, rate }: HeadLimit = {}): string {
  const words = [
    ...(concurrent === undefined ? [] : [`${concurrent} at one time`]),
    ...(rate === undefined ? [] : [formatRate(rate)]),
  ];
  return words.join(" and ");
}
