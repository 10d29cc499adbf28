/** Judges the result that a client saw, by headgate's promises, as a pure function. */

import { type Allowed, FAULTS, isHarmless } from "./faults.ts";
import type { Exchange } from "./ledger.ts";
import { isHeadRefused, isRejected } from "./heads.ts";
import type { Observed } from "./observed.ts";
import { toUpgradeEnd } from "./echo.ts";
import type { Plan } from "./plan.ts";

/** What happened during the exchange. */
export interface Circumstances {
  /** The results that disturbances excuse. */
  readonly excuses: ReadonlySet<Allowed>;
  /** Whether the upstream closed idle connections, and the request may have been sent on one of them. */
  readonly isRace: boolean;
  /** Whether an earlier exchange of the same connection may have closed it. */
  readonly isCutShort: boolean;
  /** Whether headgate was told to stop before the exchange was over. */
  readonly isStopping: boolean;
}

/** headgate's statuses for malformed requests; none of these requests may reach the upstream. */
const REFUSALS: ReadonlySet<number> = new Set([400, 408, 413, 414, 431, 501, 505]);

/** The broken promise as a sentence; undefined if all promises are kept. */
export function judge(
  exchange: Pick<Exchange, "plan" | "arrivals">,
  observed: Observed,
  circumstances: Circumstances,
): string | undefined {
  const { plan } = exchange;
  switch (observed.kind) {
    case "hung":
      // On a starved machine an upload alone may take longer than a client waits.
      return circumstances.excuses.has(408) ? undefined : "the client waited in vain";
    case "foul":
      return `the client got ${observed.fault}`;
    case "left":
      return undefined;
    case "unanswered":
    case "nothing":
    case "refused":
    case "broken":
      return judgeBroken(exchange, observed.kind, circumstances);
    case "answer":
      return isRefused(plan)
        ? judgeRefusal(exchange, observed)
        : judgeResponse(exchange, observed, circumstances);
  }
}

type ObservedResponse = Extract<Observed, { readonly kind: "answer" }>;

function judgeBroken(
  exchange: Pick<Exchange, "plan" | "arrivals">,
  kind: Observed["kind"],
  { excuses, isCutShort, isStopping }: Circumstances,
): string | undefined {
  const { plan, arrivals } = exchange;
  // A request that crosses the end of its connection is not served.
  if (kind !== "broken" && isStopping && arrivals === 0) return undefined;
  if (kind === "refused") return judgeRefused(exchange);
  if (kind !== "broken" && isCutShort) return undefined;
  if (excuses.has("broken") || plan.manner === "halfClose" || plan.manner === "deafReader")
    return undefined;
  if (!isRefused(plan) && allowedFor(plan).includes("broken")) return undefined;
  return kind === "broken" ? "an answer broke off without a cause" : "a request got no answer";
}

/** Judges a stream that the server says it has not processed. */
function judgeRefused({ plan, arrivals }: Pick<Exchange, "plan" | "arrivals">): string | undefined {
  if (arrivals > 0) return "a refused request reached the upstream";
  return isRefused(plan) ? undefined : "a request was refused without a cause";
}

function judgeRefusal(
  { arrivals }: Pick<Exchange, "arrivals">,
  { status, from }: ObservedResponse,
) {
  if (arrivals > 0) return "the upstream got a request that was none";
  if (from === "headgate" && REFUSALS.has(status)) return undefined;
  return `what is no request was answered with ${status} by ${from}`;
}

function judgeResponse(
  exchange: Pick<Exchange, "plan" | "arrivals">,
  answer: ObservedResponse,
  circumstances: Circumstances,
): string | undefined {
  return answer.from === "headgate"
    ? judgeOwn(exchange, answer, circumstances)
    : judgeRelayed(exchange, answer, circumstances);
}

/** Judges a response that headgate generated. */
function judgeOwn(
  { plan, arrivals }: Pick<Exchange, "plan" | "arrivals">,
  { status, id }: ObservedResponse,
  { excuses, isRace }: Circumstances,
): string | undefined {
  // A request that headgate did not read completely has no id yet.
  if (status === 408 && excuses.has(408)) return undefined;
  if (plan.method !== "HEAD" && id !== plan.id) return `headgate answered for ${id ?? "nobody"}`;
  if (isRejected(plan) && arrivals > 0) return "the upstream got a HEAD that its route rejects";
  const allowed = allowedFor(plan);
  const code = status as Allowed;
  if (allowed.includes(code) || excuses.has(code)) return undefined;
  // headgate sent the request on a closing connection and may not send it again: it cannot know whether the request arrived.
  if (status === 502 && isRace && arrivals === 0 && !isRepeatable(plan)) return undefined;
  return `headgate answered ${status}, where ${allowed.join(", ")} is due`;
}

/** Judges a response of the upstream. */
function judgeRelayed(
  { plan, arrivals }: Pick<Exchange, "plan" | "arrivals">,
  { status, closes }: ObservedResponse,
  { isStopping }: Circumstances,
): string | undefined {
  const allowed = allowedFor(plan);
  if (!allowed.includes("whole"))
    return `a complete answer ${status}, where ${allowed.join(", ")} is due`;
  if (arrivals === 0) return "an answer to a request that never arrived";
  if (!statusesFor(plan).includes(status)) return `status ${status}`;
  const isKept = plan.manner === "plain" || plan.manner === "slowReader";
  if (closes && isKept && isHarmless(plan.fault) && !isStopping)
    return "a connection was closed without a cause";
  return undefined;
}

/** The results that are allowed for an exchange without other disturbances. */
function allowedFor(plan: Plan): readonly Allowed[] {
  if (isRejected(plan)) return [405];
  if (plan.road === "hung") return [504];
  // More clients than the upstream's connections and queue can hold.
  return plan.road === "narrow" ? [...allowedOf(plan), 503] : allowedOf(plan);
}

function allowedOf(plan: Plan): readonly Allowed[] {
  if (plan.fault === "upgrade") return UPGRADES[toUpgradeEnd(plan.salt)];
  if (isHeadRefused(plan)) return ["whole"];
  const { allowed, head, once } = FAULTS[plan.fault];
  if (plan.method === "HEAD") return head ?? allowed;
  return isRepeatable(plan) ? allowed : (once ?? allowed);
}

const UPGRADES = {
  refused: ["whole"],
  served: ["whole"],
  cut: ["broken", 502],
  reset: [502],
  stalled: [504],
} as const satisfies Record<string, readonly Allowed[]>;

function isRefused({ manner }: Plan): boolean {
  return manner === "bad" || manner === "halfHead";
}

function isRepeatable({ method }: Plan): boolean {
  return method === "GET" || method === "HEAD";
}

function statusesFor(plan: Plan): readonly number[] {
  const { fault, salt } = plan;
  if (isHeadRefused(plan)) return [405];
  if (fault === "upgrade") return toUpgradeEnd(salt) === "refused" ? [403] : [101];
  if (fault.startsWith("early")) return [413];
  if (fault === "status") return [404, 410, 500, 503];
  return fault === "bodiless" ? [204, 304] : [200];
}
