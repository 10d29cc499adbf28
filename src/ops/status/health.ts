/** Whether the operator has to look: one word for the whole, and the reasons for it. */

import type { ReadinessState } from "../readiness.ts";
import type { UpstreamStatus } from "./upstream-status.ts";

export interface Health {
  /** `failing`: requests fail now. `degraded`: they do not, but something is not as the operator wants it. */
  readonly state: "ok" | "degraded" | "failing";
  /** A few words, for a place as small as a tab's title. */
  readonly summary: string;
  /** A sentence for each reason, the worst first; empty if all is well. */
  readonly reasons: readonly string[];
}

export interface FailedReload {
  readonly at: string;
  readonly errors: readonly string[];
}

export interface HealthSources {
  readonly state: ReadinessState;
  readonly upstreams: readonly Pick<UpstreamStatus, "name" | "state" | "lastError">[];
  /** The last reload, if it failed. `at` is an ISO time. */
  readonly failedReload: FailedReload | undefined;
}

/** Upstreams that are named; a file can have hundreds, and all of them fail with the network. */
const MAX_NAMED = 3;

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

/** A moment rather than "3 s ago": the sentence stays as it is while it is true. */
function toClock(at: string): string {
  return `${at.slice(11, 19)} UTC`;
}
