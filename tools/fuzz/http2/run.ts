/** Runs one case of HTTP/2. */

import { type FrameCase, type ResponseCase, bytesOf } from "../case.ts";
import type { Arrival } from "../recorder.ts";
import { readMeaning } from "../requests.ts";
import type { Reading } from "../responses.ts";
import { AFTER_SCRIPTED_PATH, SCRIPTED_PATH, type Verdict, quote } from "../verdict.ts";
import type { WirePlan } from "../wire.ts";
import { exchangeFrames } from "./client.ts";
import { FLAG, PREFACE, TYPE, toFrame, toSettings } from "./frames.ts";
import { createEncoder } from "./hpack.ts";
import { ENOUGH_WINDOW, type ReceivedBytes, judgeStreams } from "./judge.ts";
import { judgeResponseFrames } from "./judge-response.ts";
import { readStream } from "./meaning.ts";
import { readReceived } from "./received.ts";
import { type Sent, readSent } from "./sent.ts";

/** The largest stream on which the last request can follow. */
const MAX_ID = 0x7fffffff;

const NEIGHBOUR_PATH = "/neighbour";

const LAST_FIELDS = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "end.example"],
  [":path", "/end"],
] as const;

/** Runs one connection, and judges it. A sound request follows every case: a proxy responds to it only if the connection goes on. */
export async function runFrames(
  one: FrameCase,
  arrivals: readonly Arrival[],
  plan: WirePlan & { readonly timeoutSeconds: number },
): Promise<Verdict> {
  const parts = [...one.parts, toLastRequest(readSent(bytesOf(one)))];
  const sent = readSent(parts.join(""));
  const awaited = toAwaited(sent);
  const [received, isServed] = await Promise.all([
    exchangeFrames({ ...plan, parts, pace: one.pace, awaited }),
    one.pace === "in pieces" ? isNeighbourServed(plan) : true,
  ]);
  const own = arrivals.filter(({ target }) => target !== NEIGHBOUR_PATH);
  const verdict = sent.isHttp2
    ? judgeStreams(sent, own, received)
    : judgeOther(parts.join(""), own, received);
  if (isServed) return verdict;
  return { ...verdict, failure: verdict.failure ?? "another connection is not served meanwhile" };
}

/** Whether another connection is served while a case runs. */
async function isNeighbourServed(
  plan: WirePlan & { readonly timeoutSeconds: number },
): Promise<boolean> {
  const parts = [toBeginning(), toGet("GET", NEIGHBOUR_PATH, 1)];
  const { text } = await exchangeFrames({ ...plan, parts, pace: "at once", awaited: [1] });
  const stream = readReceived(text).streams.get(1);
  return stream?.isEnded === true && stream.final?.status === 200;
}

function toBeginning(): string {
  const payload = toSettings([[4, 1_000_000]]);
  return PREFACE + toFrame({ type: TYPE.settings, flags: 0, stream: 0, payload });
}

function toGet(method: string, path: string, stream: number): string {
  const payload = createEncoder()([
    [":method", method],
    [":scheme", "http"],
    [":authority", "a.example"],
    [":path", path],
    ["te", "trailers"],
  ]);
  return toFrame({ type: TYPE.headers, flags: FLAG.endStream | FLAG.endHeaders, stream, payload });
}

/** Whether a request may reach the upstream after the client has left. */
export function mayArriveLate(one: FrameCase): boolean {
  const sent = readSent(bytesOf(one));
  // A request that may be refused may have been on its way.
  const isOpen = [...sent.streams.values()].some((stream) => readStream(stream).kind !== "whole");
  return isOpen || toAwaited(sent) === undefined || sent.fate === "ends";
}

/** Judges bytes that are not HTTP/2: what reaches the upstream must be HTTP/1.1. */
function judgeOther(
  text: string,
  arrivals: readonly Arrival[],
  { close, text: received }: ReceivedBytes,
): Verdict {
  const { requests } = readMeaning(text);
  const surplus = arrivals.find(
    ({ method, target }, index) =>
      target !== requests[index]?.path || (method !== "GET" && method !== requests[index]?.method),
  );
  const failure =
    close === "open"
      ? `the proxy never closes the connection: ${quote(received)}`
      : surplus && `a request arrived that no client meant: ${quote(surplus.raw)}`;
  return { outcome: "refused", failure };
}

function toLastRequest({ streams }: Sent): string {
  const last = Math.max(-1, ...streams.keys());
  if (last >= MAX_ID) return "";
  const payload = createEncoder()(LAST_FIELDS);
  const flags = FLAG.endStream | FLAG.endHeaders;
  return toFrame({ type: TYPE.headers, flags, stream: last + 2, payload });
}

/** Runs a scripted response of the upstream for a client of HTTP/2, and a request after it. */
export async function runResponseFrames(
  one: ResponseCase,
  { script, reading }: { readonly script: string; readonly reading: Reading },
  arrivals: readonly Arrival[],
  plan: WirePlan & { readonly timeoutSeconds: number },
): Promise<Verdict> {
  const parts = [
    toBeginning(),
    toGet(one.method, SCRIPTED_PATH, 1),
    toGet("GET", AFTER_SCRIPTED_PATH, 3),
  ];
  const received = await exchangeFrames({ ...plan, parts, pace: "at once", awaited: [1, 3] });
  return judgeResponseFrames(one, { script, reading }, arrivals, received);
}

/** The streams that have a response before the client leaves; undefined if that is not certain. */
function toAwaited({ fate, streams, minWindow }: Sent): readonly number[] | undefined {
  if (fate === "ends") return [-1]; // the connection's end
  if (fate !== "goes on" || minWindow < ENOUGH_WINDOW) return undefined;
  return [...streams.values()]
    .filter(({ isEnded, isReset, isFaulty }) => isEnded && !isReset && !isFaulty)
    .map(({ id }) => id);
}
