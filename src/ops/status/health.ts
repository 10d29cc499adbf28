/** The health of headgate and its upstreams: one word, and the reasons for it. */

import type { ReadinessState } from "../readiness.ts";
import type { UpstreamStatus } from "./upstream-status.ts";

/** The health in `/status.json`. */
export interface Health {
  /** `failing`: an upstream fails. `degraded`: no upstream fails, but the last reload failed or headgate is not ready. */
  readonly state: "ok" | "degraded" | "failing";
  /** A few words that fit in the title of a browser tab. */
  readonly summary: string;
  /** One sentence per reason, the worst first. Empty if the state is `ok`. */
  readonly reasons: readonly string[];
}

/** A reload that failed. `at` is an ISO time; `errors` are masked. */
export interface FailedReload {
  readonly at: string;
  readonly errors: readonly string[];
}

/** What decides the health. */
export interface HealthSources {
  readonly state: ReadinessState;
  readonly upstreams: readonly Pick<UpstreamStatus, "name" | "state" | "lastError">[];
  /** The last reload if it failed. */
  readonly failedReload: FailedReload | undefined;
}

/** The maximum of upstreams with a reason of their own. A route file can have hundreds, and a network failure affects all of them. */
const MAX_NAMED = 3;

/** Computes the health. */
export function toHealth({ state, upstreams, failedReload }: HealthSources): Health {
  const failing = upstreams.filter((upstream) => upstream.state === "failing");
  const named = failing.slice(0, MAX_NAMED).map(({ name, lastError }) => {
    if (lastError === undefined) return `Upstream ${name} is failing`;
    const { title, code, at } = lastError;
    return `Upstream ${name} is failing: ${title} (${code}), last at ${toClock(at)}`;
  });
  const rest = failing.length - named.length;
  const summaries = [
    ...(failing.length === 0 ? [] : [toCount(failing.length)]),
    ...(failedReload === undefined ? [] : ["reload failed"]),
    ...(state === "ready" ? [] : [state]),
  ];
  return {
    state: failing.length > 0 ? "failing" : summaries.length > 0 ? "degraded" : "ok",
    summary: summaries.length === 0 ? state : summaries.join(", "),
    reasons: [
      ...named,
      ...(rest === 0 ? [] : [`${rest} more upstreams are failing`]),
      ...(failedReload === undefined ? [] : [toReloadReason(failedReload)]),
      ...(state === "ready" ? [] : [`headgate is ${state}`]),
    ],
  };
}

function toCount(failing: number): string {
  return failing === 1 ? "upstream failing" : `${failing} upstreams failing`;
}

function toReloadReason({ at, errors: [first, ...others] }: FailedReload): string {
  const why = first === undefined ? "" : `: ${first}`;
  const rest = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `The reload at ${toClock(at)} failed, and the configuration from before is in use${why}${rest}`;
}

/** Returns a time instead of "3 s ago", so that the sentence does not change each second. */
function toClock(at: string): string {
  return `${at.slice(11, 19)} UTC`;
}
