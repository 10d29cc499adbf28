/** Judges an endpoint's responses to HEAD by RFC 9110 §9.3.2 (HEAD) and §8.6 (Content-Length). */

import { findField } from "../../http/fields.ts";
import type { Outcome, Response } from "./raw-connection.ts";
import { type FieldDifference, compareFields } from "./field-differences.ts";
import { type Observation, isEventStream } from "./observation.ts";

/** One thing that is wrong with a HEAD's response. */
export type HeadFault =
  | { readonly kind: "status"; readonly get: number; readonly head: number }
  | { readonly kind: "field"; readonly difference: FieldDifference }
  /** `head` is undefined if the HEAD has no Content-Length. */
  | { readonly kind: "length"; readonly get: number; readonly head: number | undefined }
  | { readonly kind: "content"; readonly bytes: number }
  | { readonly kind: "out-of-step" }
  | { readonly kind: "no-response"; readonly reason: string }
  /** Only through headgate: the GET through headgate has another status than the GET to the backend. */
  | { readonly kind: "get"; readonly get: number; readonly through: number }
  | { readonly kind: "slow"; readonly headMs: number; readonly getMs: number };

/**
 * `refused`: the HEAD gets an error that the GET does not get. `broken`: the HEAD gets no response, or one that harms its connection.
 * `unknown`: there is nothing to compare with. `head-only`: the endpoint responds to HEAD and has no GET.
 */
export type VerdictKind = "fine" | "refused" | "differs" | "broken" | "unknown" | "head-only";

/** The verdict on one endpoint. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly faults: readonly HeadFault[];
  /** Why nothing could be compared, or what is wrong with the GET itself. */
  readonly reason: string | undefined;
  /** The complete size, if the endpoint serves ranges; undefined if it does not. */
  readonly rangedBytes: number | undefined;
  /** Whether the GET announces ranges, but a GET with a Range gets the full content. */
  readonly ignoresRanges: boolean;
  readonly isStream: boolean;
}

/** The statuses by which a backend refuses the method itself. */
const METHOD_REFUSED: ReadonlySet<number> = new Set([405, 501]);
const NO_GET: ReadonlySet<number> = new Set([404, 405, 501]);
/** RFC 6585 §4: says how many requests came, and nothing of the method. */
export const TOO_MANY = 429;
/** Network delay can explain a shorter wait. */
const SLOW_MS = 200;

/** A verdict without the parts that every endpoint has. */
interface Judgement {
  readonly kind: VerdictKind;
  readonly faults: readonly HeadFault[];
  readonly reason?: string;
}

/** Judges the responses of one endpoint. */
export function judge(observation: Observation): Verdict {
  const { get, range } = observation;
  return {
    reason: isCut(get) ? "the GET's content breaks off" : undefined,
    ...judgeOutcomes(observation),
    rangedBytes: range !== undefined && "response" in range ? toRanged(range.response) : undefined,
    ignoresRanges: isIgnored(get, range),
    isStream: "response" in get && isStream(get.response),
  };
}

/** Whether a response's content did not come as its framing says. */
export function isCut(outcome: Outcome): boolean {
  return "response" in outcome && outcome.response.ended === "broken";
}

function isIgnored(get: Outcome, range: Outcome | undefined): boolean {
  if (range === undefined || "failure" in get || "failure" in range) return false;
  const announced = findField(get.response.fields, "accept-ranges");
  return announced === "bytes" && range.response.status === 200 && get.response.contentBytes > 0;
}

function judgeOutcomes(observation: Observation): Judgement {
  const { get, head, isOutOfStep } = observation;
  if ("failure" in head) {
    if ("failure" in get) return { kind: "unknown", faults: [], reason: get.failure.message };
    return { kind: "broken", faults: [{ kind: "no-response", reason: head.failure.message }] };
  }
  const harm = toHarm(head.response, isOutOfStep);
  if ("response" in get) return judgeResponses(observation, get.response, head.response, harm);
  const reason = `GET: ${get.failure.message}`;
  if (METHOD_REFUSED.has(head.response.status)) return { kind: "refused", faults: harm, reason };
  return { kind: harm.length > 0 ? "broken" : "unknown", faults: harm, reason };
}

function judgeResponses(
  observation: Observation,
  get: Response,
  head: Response,
  harm: readonly HeadFault[],
): Judgement {
  const faults: readonly HeadFault[] =
    get.status === head.status
      ? harm
      : [{ kind: "status", get: get.status, head: head.status }, ...harm];
  const chance = harm.length > 0 ? undefined : toChance(observation.again, get, head);
  if (chance !== undefined) return { kind: "unknown", faults: [], reason: chance };
  if (isRefusal(get.status, head.status)) return { kind: "refused", faults };
  if (harm.length > 0) return { kind: "broken", faults };
  if (NO_GET.has(get.status) && head.status < 400) return { kind: "head-only", faults: [] };
  if (get.status !== head.status) return { kind: "differs", faults };
  if (get.status >= 400) return { kind: "unknown", faults: [], reason: toRefusal(get.status) };
  const differences = toDifferences(observation, get, head);
  return { kind: differences.length > 0 ? "differs" : "fine", faults: differences };
}

/** Why another status says nothing about the HEAD; undefined if it does. */
function toChance(again: Outcome | undefined, get: Response, head: Response): string | undefined {
  if (head.status === get.status || METHOD_REFUSED.has(head.status)) return undefined;
  if (head.status === TOO_MANY) return toRefusal(TOO_MANY);
  if (again === undefined || "failure" in again || again.response.status === get.status)
    return undefined;
  return `two GETs get ${get.status} and ${again.response.status}`;
}

function isRefusal(get: number, head: number): boolean {
  return get !== head && (METHOD_REFUSED.has(head) || (head >= 400 && get < 400));
}

/** Whether an endpoint is faulty for a HEAD client. */
export function isWrong({ kind }: Verdict): boolean {
  return kind === "refused" || kind === "differs" || kind === "broken";
}

function toHarm({ strayBytes }: Response, isOutOfStep: boolean): readonly HeadFault[] {
  if (strayBytes > 0) return [{ kind: "content", bytes: strayBytes }];
  return isOutOfStep ? [{ kind: "out-of-step" }] : [];
}

function toDifferences(
  { again, range }: Observation,
  get: Response,
  head: Response,
): readonly HeadFault[] {
  const second = again !== undefined && "response" in again ? again.response : undefined;
  // A second GET with another status, such as 429, has other fields, so it is not compared.
  const comparable = second?.status === get.status ? second : undefined;
  const servesRanges = range !== undefined && "response" in range && range.response.status === 206;
  const fields = compareFields(get.fields, comparable?.fields, head.fields).filter(
    // headgate's `range: probe` adds Accept-Ranges, which the GET does not send.
    ({ name, kind }) =>
      !(servesRanges && kind === "extra" && name.toLowerCase() === "accept-ranges"),
  );
  return [
    ...toLengthFaults(get, comparable, head),
    ...fields.map((difference) => ({ kind: "field", difference }) as const),
    ...toSlowness(get, head),
  ];
}

/** RFC 9110 §8.6: a HEAD's Content-Length is equal to the GET's, or is absent. */
function toLengthFaults(
  get: Response,
  again: Response | undefined,
  head: Response,
): readonly HeadFault[] {
  const [written, second, sent] = [toLength(get), toLength(again ?? get), toLength(head)];
  if (sent === undefined)
    return written === undefined ? [] : [{ kind: "length", get: written, head: undefined }];
  // Without a Content-Length, the counted bytes are the length, if the content was complete.
  const expected = written ?? toCounted(get);
  const isSteady = again === undefined || expected === (second ?? toCounted(again));
  if (expected === undefined || !isSteady || expected === sent) return [];
  return [{ kind: "length", get: expected, head: sent }];
}

function toLength({ fields }: Response): number | undefined {
  const length = findField(fields, "content-length");
  return length === undefined ? undefined : Number(length);
}

function toCounted({ ended, contentBytes, status }: Response): number | undefined {
  return ended === "complete" && status !== 304 ? contentBytes : undefined;
}

/** Detects a backend that produces the full content for a HEAD and drops it: the GET's first byte came much earlier. */
function toSlowness(get: Response, head: Response): readonly HeadFault[] {
  const { endMs: getMs } = get;
  if (getMs === undefined || getMs < SLOW_MS) return [];
  const isLate = head.headMs > getMs * 0.8 && get.headMs < getMs / 2;
  return isLate ? [{ kind: "slow", headMs: head.headMs, getMs }] : [];
}

function isStream({ fields, ended }: Response): boolean {
  return ended === "time" || isEventStream(findField(fields, "content-type") ?? "");
}

/** The complete length that a 206 names (RFC 9110 §14.4). */
function toRanged({ status, fields }: Response): number | undefined {
  const [, length] = /^bytes 0-0\/(\d{1,15})$/.exec(findField(fields, "content-range") ?? "") ?? [];
  return status === 206 && length !== undefined ? Number(length) : undefined;
}

function toRefusal(status: number): string {
  if (status === 401 || status === 403) return "needs credentials (--header)";
  if (status === TOO_MANY) return "too many requests (--concurrency 1)";
  if (status === 404) return "there is no such page";
  return status >= 500 ? "the GET fails as well" : "the GET is refused as well";
}
