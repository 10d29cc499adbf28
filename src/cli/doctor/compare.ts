/** Verdicts: what the HEAD clients of an endpoint meet, by RFC 9110 §9.3.2 (HEAD) and §8.6 (Content-Length). */

import { findField } from "../../http/fields.ts";
import type { Outcome, Response } from "./exchange.ts";
import { type FieldDifference, compareFields } from "./fields.ts";
import { type Observation, isEventStream } from "./probe.ts";

/** One thing that is wrong with a HEAD's response. */
export type Finding =
  | { readonly kind: "status"; readonly get: number; readonly head: number }
  | { readonly kind: "field"; readonly difference: FieldDifference }
  /** `head` is undefined if the HEAD has no Content-Length. */
  | { readonly kind: "length"; readonly get: number; readonly head: number | undefined }
  | { readonly kind: "content"; readonly bytes: number }
  | { readonly kind: "out-of-step" }
  | { readonly kind: "no-response"; readonly reason: string }
  /** Only through headgate: its GET has another status than the backend's. */
  | { readonly kind: "get"; readonly get: number; readonly through: number }
  | { readonly kind: "slow"; readonly headMs: number; readonly getMs: number };

/**
 * `refused`: the HEAD gets an error that the GET does not get. `broken`: it has no response, or one that harms its connection.
 * `unknown`: there is nothing to compare with. `head-only`: the HEAD is answered, and there is no GET.
 */
export type VerdictKind = "fine" | "refused" | "differs" | "broken" | "unknown" | "head-only";

/** The verdict on one endpoint. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly findings: readonly Finding[];
  /** Why nothing could be compared. */
  readonly reason: string | undefined;
  /** The bytes that ranges are served of; undefined without ranges. */
  readonly rangedBytes: number | undefined;
  /** Whether the GET announces ranges, and one that asks for a range gets the whole. */
  readonly ignoresRanges: boolean;
  readonly isStream: boolean;
}

/** The method itself is refused. */
const METHOD_REFUSED: ReadonlySet<number> = new Set([405, 501]);
const NO_GET: ReadonlySet<number> = new Set([404, 405, 501]);
/** Shorter waits are those of the network. */
const SLOW_MS = 200;

/** A verdict without what is said of every endpoint. */
interface Judgement {
  readonly kind: VerdictKind;
  readonly findings: readonly Finding[];
  readonly reason?: string;
}

/** Judges what came back. */
export function judge(observation: Observation): Verdict {
  const { get, range } = observation;
  return {
    reason: undefined,
    ...judgeOutcomes(observation),
    rangedBytes: range !== undefined && "response" in range ? toRanged(range.response) : undefined,
    ignoresRanges: isIgnored(get, range),
    isStream: "response" in get && isStream(get.response),
  };
}

function isIgnored(get: Outcome, range: Outcome | undefined): boolean {
  if (range === undefined || "failure" in get || "failure" in range) return false;
  const announced = findField(get.response.fields, "accept-ranges");
  return announced === "bytes" && range.response.status === 200 && get.response.contentBytes > 0;
}

function judgeOutcomes(observation: Observation): Judgement {
  const { get, head, isOutOfStep } = observation;
  if ("failure" in head) {
    if ("failure" in get) return { kind: "unknown", findings: [], reason: get.failure.message };
    return { kind: "broken", findings: [{ kind: "no-response", reason: head.failure.message }] };
  }
  const harm = toHarm(head.response, isOutOfStep);
  if ("response" in get) return judgeResponses(observation, get.response, head.response, harm);
  const reason = `GET: ${get.failure.message}`;
  if (METHOD_REFUSED.has(head.response.status)) return { kind: "refused", findings: harm, reason };
  return { kind: harm.length > 0 ? "broken" : "unknown", findings: harm, reason };
}

function judgeResponses(
  observation: Observation,
  get: Response,
  head: Response,
  harm: readonly Finding[],
): Judgement {
  const findings: readonly Finding[] =
    get.status === head.status
      ? harm
      : [{ kind: "status", get: get.status, head: head.status }, ...harm];
  if (isRefusal(get.status, head.status)) return { kind: "refused", findings };
  if (harm.length > 0) return { kind: "broken", findings };
  if (NO_GET.has(get.status) && head.status < 400) return { kind: "head-only", findings: [] };
  if (get.status !== head.status) return { kind: "differs", findings };
  if (get.status >= 400) return { kind: "unknown", findings: [], reason: toRefusal(get.status) };
  const differences = toDifferences(observation, get, head);
  return { kind: differences.length > 0 ? "differs" : "fine", findings: differences };
}

function isRefusal(get: number, head: number): boolean {
  return get !== head && (METHOD_REFUSED.has(head) || (head >= 400 && get < 400));
}

/** Whether a HEAD client meets something that it should not. */
export function isWrong({ kind }: Verdict): boolean {
  return kind === "refused" || kind === "differs" || kind === "broken";
}

function toHarm({ strayBytes }: Response, isOutOfStep: boolean): readonly Finding[] {
  if (strayBytes > 0) return [{ kind: "content", bytes: strayBytes }];
  return isOutOfStep ? [{ kind: "out-of-step" }] : [];
}

function toDifferences(
  { again, range }: Observation,
  get: Response,
  head: Response,
): readonly Finding[] {
  const second = again !== undefined && "response" in again ? again.response : undefined;
  // A second GET with another status, such as 429, has other fields.
  const comparable = second?.status === get.status ? second : undefined;
  const servesRanges = range !== undefined && "response" in range && range.response.status === 206;
  const fields = compareFields(get.fields, comparable?.fields, head.fields).filter(
    // headgate's `range: probe` knows what the GET does not say.
    ({ name, kind }) =>
      !(servesRanges && kind === "extra" && name.toLowerCase() === "accept-ranges"),
  );
  return [
    ...toLengthFindings(get, comparable, head),
    ...fields.map((difference) => ({ kind: "field", difference }) as const),
    ...toSlowness(get, head),
  ];
}

/** RFC 9110 §8.6: a HEAD's Content-Length is the GET's, or there is none. */
function toLengthFindings(
  get: Response,
  again: Response | undefined,
  head: Response,
): readonly Finding[] {
  const [written, second, sent] = [toLength(get), toLength(again ?? get), toLength(head)];
  if (sent === undefined)
    return written === undefined ? [] : [{ kind: "length", get: written, head: undefined }];
  // Without a Content-Length the content itself was counted, if it came whole.
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

/** A backend that makes the whole content for a HEAD, and drops it: the GET's first byte came long before. */
function toSlowness(get: Response, head: Response): readonly Finding[] {
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
  if (status === 429) return "too many requests (--concurrency 1)";
  if (status === 404) return "there is no such page";
  return status >= 500 ? "the GET fails as well" : "the GET is refused as well";
}
