/** Compares the response that a client of HTTP/2 received with the one that the upstream sent by HTTP/1.1. */

import type { ResponseCase } from "../case.ts";
import { type SentResponse, checkSecond, readScript } from "../judge-response.ts";
import type { Arrival } from "../recorder.ts";
import type { ReadResponse, Reading } from "../responses.ts";
import { type Field, valuesOf } from "../strict.ts";
import { type Verdict, quote } from "../verdict.ts";
import { CODE } from "./frames.ts";
import type { ReceivedBytes } from "./judge.ts";
import { type ReceivedStream, readReceived } from "./received.ts";

const BAD_GATEWAY = 502;
/** Statuses above it are no statuses of HTTP/2 (docs/forwarding.md). */
const MAX_STATUS = 599;
/** It has no content, whatever the upstream sends. */
const RESET_CONTENT = 205;

const NOT_MODIFIED = 304;
/** Fields of the families that come through in their order. */
const FORWARDED = ["x-case", "set-cookie", "x-a", "x-b", "x-c"];
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "host"]);

/** Judges one exchange with a scripted response, and the ordinary exchange beside it. */
export function judgeResponseFrames(
  { method, after }: ResponseCase,
  { script, reading }: { readonly script: string; readonly reading: Reading },
  arrivals: readonly Arrival[],
  { text, close, isStalled, isEndedByProxy }: ReceivedBytes,
): Verdict {
  const sent = readScript(script, { method, close: after === "keep" ? "open" : "end", reading });
  const received = readReceived(text);
  const first = received.streams.get(1);
  const second = received.streams.get(3);
  const isOwn =
    first?.final !== undefined && valuesOf(first.final.fields, "proxy-status").length > 0;
  const isRefused = first === undefined || isOwn || !first.isEnded;
  const problems = [
    close === "open" || isStalled ? `nothing moves; so far ${quote(text)}` : undefined,
    isEndedByProxy ? "the connection ends with one response" : undefined,
    ...received.problems.map((problem) => `the proxy breaks HTTP/2: ${problem}`),
    first === undefined ? "no response" : checkFirst(first, method, isOwn, sent),
    checkSecond(toHttp1(second), arrivals, sent),
  ];
  return {
    outcome: isRefused ? "refused" : "accepted",
    failure: problems.find((problem) => problem !== undefined),
  };
}

function checkFirst(
  got: ReceivedStream,
  method: string,
  isOwn: boolean,
  { final, interim }: SentResponse,
): string | undefined {
  const status = got.final?.status;
  if (got.interim.length > interim) return "interim answers that the upstream did not send";
  if (isOwn) return status === BAD_GATEWAY ? undefined : `the proxy answers ${status} by itself`;
  if (!got.isEnded) return checkBrokenOff(got, final);
  if (typeof final === "string") return `the upstream's answer is ${final}, and yet came through`;
  if (method === "HEAD" && (got.body !== "" || got.final?.isLast !== true))
    return "content after a HEAD";
  return checkWhole(got, method, final);
}

function checkBrokenOff(
  { resetCode }: ReceivedStream,
  final: SentResponse["final"],
): string | undefined {
  if (resetCode !== CODE.internal) return `an answer is broken off with code ${resetCode}`;
  const isWhole = typeof final !== "string" && final.status <= MAX_STATUS;
  return isWhole ? "a whole answer is broken off" : undefined;
}

function checkWhole(
  { final: head, body, trailers }: ReceivedStream,
  method: string,
  sent: ReadResponse,
): string | undefined {
  const fields = head?.fields ?? [];
  const lengths = valuesOf(fields, "content-length");
  const hasContent = method !== "HEAD" && sent.status !== NOT_MODIFIED;
  if (hasContent && lengths.some((length) => Number(length) !== body.length))
    return `its Content-Length lies: ${lengths.join()}`;
  const strange = fields.find((field) => !isOf(field, sent.fields));
  if (strange !== undefined)
    return `a field that the upstream did not send: ${JSON.stringify(strange)}`;
  if ((trailers ?? []).some(([name]) => !isTrailer(name)))
    return `trailers that the upstream did not send: ${JSON.stringify(trailers)}`;
  const isSame =
    head?.status === sent.status &&
    body === (sent.status === RESET_CONTENT ? "" : sent.body) &&
    FORWARDED.every((name) => valuesOf(fields, name).join() === valuesOf(sent.fields, name).join());
  return isSame
    ? undefined
    : `it came through as another answer: ${head?.status} ${JSON.stringify(fields)} ${quote(body)}`;
}

/** The trailers of the families (response-families.ts, free-responses.ts), and what mutations make of their names. */
function isTrailer(name: string): boolean {
  return !FRAMING.has(name);
}

/** Whether the upstream sent a field; headgate adds these two, and unites the lengths of a liberty. */
function isOf([name, value]: Field, fields: readonly Field[]): boolean {
  if (name === "date" || name === "content-length") return true;
  return valuesOf(fields, name).includes(value);
}

/** A response as the reader of HTTP/1.1 shows it. */
function toHttp1(stream: ReceivedStream | undefined): Parameters<typeof checkSecond>[0] {
  if (stream?.final === undefined || !stream.isEnded) return undefined;
  const { status, fields } = stream.final;
  return { status, fields, reason: "", body: stream.body, end: 0, isDelimitedByClose: false };
}
