/** Compares what a client of HTTP/2 received, and what reached the upstream, with what the client sent. */

import type { Received } from "../conversation.ts";
import type { Arrival } from "../recorder.ts";
import { type Field, valuesOf } from "../strict.ts";
import { type Verdict, quote } from "../verdict.ts";
import { CODE } from "./frames.ts";
import { type MeantStream, type StreamMeaning, readStream } from "./meaning.ts";
import { type ReceivedFrames, type ReceivedStream, readReceived } from "./received.ts";
import type { Sent, SentStream } from "./sent.ts";

/** What a client received. */
export interface ReceivedBytes extends Received {
  /** Whether the proxy ended the connection before the client did. */
  readonly isEndedByProxy: boolean;
}

/** Statuses that a proxy may generate for a request; 502: what should become a WebSocket did not. */
const OWN_STATUSES: ReadonlySet<number> = new Set(
  [200, 204, 400, 405, 408, 413, 414, 417].concat(431, 501),
);
const BAD_GATEWAY = 502;
/** Codes of RST_STREAM for a client's fault. */
const FAULT_CODES: ReadonlySet<number> = new Set<number>(
  Object.values(CODE).filter((code) => code !== CODE.none && code !== CODE.internal),
);
/** A response of this size may wait for a window. */
export const ENOUGH_WINDOW = 20_000;
/** Fields that headgate adds, converts or drops (docs/forwarding.md). */
const CONVERTED =
  /^(?:te|connection|trailer|expect|transfer-encoding|host|forwarded|x-forwarded-.*|x-real-ip|x-client-ip)$/;
/** Those of a HEAD that becomes a GET. */
const CONVERTED_IN_HEAD = /^(?:content-.*|range|if-range)$/;

/** Judges one connection. */
export function judgeStreams(
  sent: Sent,
  arrivals: readonly Arrival[],
  bytes: ReceivedBytes,
): Verdict {
  const received = readReceived(bytes.text);
  const unclaimed = new Set(arrivals);
  const streams = [...sent.streams.values()];
  const judged = streams.map((stream) => {
    const response = received.streams.get(stream.id);
    return judgeStream(stream, response, { sent, bytes, unclaimed });
  });
  const unknown = [...received.streams.keys()].find((id) => id !== 0 && !sent.streams.has(id));
  const problems = [
    ...received.problems.map((problem) => `the proxy breaks HTTP/2: ${problem}`),
    ...checkConnection(sent, received, bytes),
    ...checkWindows(sent, received),
    // A stream may be reset that headgate refuses before the whole of its header section came.
    unknown !== undefined && received.streams.get(unknown)?.final !== undefined
      ? `a response on stream ${unknown}, which the client did not open`
      : undefined,
    ...judged.map(({ failure }) => failure),
    ...checkUnclaimed(streams, received, unclaimed),
  ];
  const isAccepted = streams.length > 0 && judged.every(({ outcome }) => outcome === "accepted");
  return {
    outcome: isAccepted ? "accepted" : "refused",
    failure: problems.find((problem) => problem !== undefined),
  };
}

function checkConnection(
  sent: Sent,
  received: ReceivedFrames,
  bytes: ReceivedBytes,
): (string | undefined)[] {
  const { pongs, goawayCode = CODE.none } = received;
  const isFaulted = bytes.isEndedByProxy || goawayCode !== CODE.none;
  return [
    bytes.close === "open" ? "the proxy never closes the connection" : undefined,
    sent.fate === "ends" && !isFaulted
      ? "a connection error, and yet the connection goes on"
      : undefined,
    sent.fate === "ends" && received.goawayCode === CODE.none
      ? "a connection error, and yet GOAWAY says NO_ERROR"
      : undefined,
    pongs.some((pong) => !sent.pings.includes(pong)) ? "a response to no PING" : undefined,
    ...(sent.fate === "goes on" ? checkGoingOn(sent, received, bytes, isFaulted) : []),
  ];
}

function checkGoingOn(
  { pings }: Sent,
  { pongs, goawayCode, isCut }: ReceivedFrames,
  { isStalled, close, text }: ReceivedBytes,
  isFaulted: boolean,
): (string | undefined)[] {
  return [
    isFaulted
      ? `the connection ends (${close}) without a reason, GOAWAY says ${goawayCode}: ${quote(text)}`
      : undefined,
    isCut ? "the connection ends within a frame" : undefined,
    isStalled ? "a stream has no response" : undefined,
    pings.join() === pongs.join() ? undefined : "not the responses to the PINGs",
  ];
}

/** The client's windows limit what the server may send (RFC 9113 §5.2). */
function checkWindows(
  { streamWindow, connectionWindow }: Sent,
  { streams }: ReceivedFrames,
): (string | undefined)[] {
  const sizes = [...streams.values()].map(({ body }) => body.length);
  const isOver =
    sizes.some((size) => size > streamWindow) ||
    sizes.reduce((sum, size) => sum + size, 0) > connectionWindow;
  return [isOver ? "more DATA than the client's windows allow" : undefined];
}

interface Context {
  readonly sent: Sent;
  readonly bytes: ReceivedBytes;
  /** The arrivals that belong to no response so far. */
  readonly unclaimed: Set<Arrival>;
}

// oxlint-disable-next-line complexity -- one rule after the other
function judgeStream(
  stream: SentStream,
  response: ReceivedStream | undefined,
  context: Context,
): Verdict {
  const { fate, minWindow } = context.sent;
  const meaning = readStream(stream);
  const seq = response?.final && seqOf(response.final.fields);
  const failure =
    response === undefined || (response.final === undefined && response.resetCode === undefined)
      ? undefined
      : seq === undefined
        ? checkRefusal(response, fate === "goes on" ? meaning : toOpen(meaning), fate !== "goes on")
        : checkForwarded(response, fate === "goes on" ? meaning : toOpen(meaning), context);
  const isDone = response !== undefined && (response.isEnded || response.resetCode !== undefined);
  const mustBeDone =
    fate === "goes on" && minWindow >= ENOUGH_WINDOW && stream.isEnded && !stream.isReset;
  return {
    outcome: seq !== undefined && response?.isEnded === true ? "accepted" : "refused",
    failure: failure ?? (mustBeDone && !isDone ? `stream ${stream.id} has no response` : undefined),
  };
}

/** Where the connection may end, no stream needs a response. */
function toOpen(meaning: StreamMeaning): StreamMeaning {
  return meaning.kind === "whole" ? { ...meaning, kind: "open" } : meaning;
}

/** Checks a response of the proxy's own, or a reset without one. */
// oxlint-disable-next-line complexity -- one rule after the other
function checkRefusal(
  response: ReceivedStream,
  meaning: StreamMeaning,
  isEnding: boolean,
): string | undefined {
  const { final, resetCode, isEnded, body } = response;
  if (final !== undefined) {
    const isTunnel = meaning.kind !== "never" && meaning.request.isTunnel;
    if (!OWN_STATUSES.has(final.status) && !(isTunnel && final.status === BAD_GATEWAY))
      return `the proxy answers ${final.status} by itself: ${valuesOf(final.fields, "proxy-status").join()}`;
    if (!isEnded && resetCode === undefined) return undefined; // the connection ended
    if (meaning.kind === "whole" && !isTunnel && !isRejected(meaning.request))
      return `a sound request is refused: ${final.status} ${quote(body)}`;
    return undefined;
  }
  if (resetCode === CODE.refused) return undefined;
  if (meaning.kind === "whole") return `a sound request is reset with ${resetCode}`;
  if (meaning.kind === "open") return undefined;
  if (isEnding) return undefined; // its streams end with it
  return FAULT_CODES.has(resetCode ?? -1)
    ? undefined
    : `a request is refused with code ${resetCode}`;
}

/** Checks a response of the upstream, which has its number. */
// oxlint-disable-next-line complexity -- one rule after the other
function checkForwarded(
  response: ReceivedStream,
  meaning: StreamMeaning,
  { unclaimed, bytes }: Context,
): string | undefined {
  const { final, body, isEnded, resetCode } = response;
  const fields = final?.fields ?? [];
  const arrival = [...unclaimed].find(({ seq }) => seq === seqOf(fields));
  if (arrival === undefined) return `an answer of another request: ${quote(body)}`;
  unclaimed.delete(arrival);
  if (meaning.kind === "never") return `a malformed request arrived: ${quote(arrival.raw)}`;
  const difference = findDifference(meaning.request, arrival);
  if (difference !== undefined)
    return `it arrived with another ${difference}: ${quote(arrival.raw)}`;
  const whole = `${arrival.seq} ${arrival.target}`;
  if (isHead(meaning.request)) {
    if (body !== "" || final?.isLast !== true) return `content after a HEAD: ${quote(body)}`;
    return undefined;
  }
  if (!whole.startsWith(body)) return `not its own answer: ${quote(body)}`;
  if (isEnded)
    return body === whole ? undefined : `a part of the answer looks complete: ${quote(body)}`;
  if (meaning.kind === "whole" && resetCode !== undefined)
    return `a sound request is reset with ${resetCode}`;
  return bytes.close === "end" &&
    resetCode === undefined &&
    meaning.kind === "whole" &&
    bytes.isStalled
    ? `its answer does not end: ${quote(body)}`
    : undefined;
}

function seqOf(fields: readonly Field[]): number | undefined {
  const [seq] = valuesOf(fields, "x-seq");
  return seq === undefined ? undefined : Number(seq);
}

function isHead({ method }: MeantStream): boolean {
  return method === "HEAD";
}

/** Whether the route of a HEAD rejects it (tools/fuzz/headgate.ts). */
function isRejected({ method, path }: MeantStream): boolean {
  return method === "HEAD" && path.startsWith("/head-reject");
}

/** The first part in which a request differs from the one that was meant. */
function findDifference(meant: MeantStream, arrival: Arrival): string | undefined {
  const method = isHead(meant) && arrival.method === "GET" ? "HEAD" : arrival.method;
  if (method !== meant.method) return "method";
  if (arrival.target !== meant.path) return "target";
  if (valuesOf(arrival.fields, "host").join() !== meant.host) return "host";
  if (arrival.body !== meant.body) return "body";
  const got = toKept(arrival.fields, meant);
  const expected = toKept(meant.fields, meant);
  if (!meant.isTunnel && JSON.stringify(got) !== JSON.stringify(expected))
    return `field (not ${quote(JSON.stringify(expected))})`;
  const trailers = new Set(meant.trailers.map((field) => JSON.stringify(field)));
  return (arrival.trailers ?? []).every((field) => trailers.has(JSON.stringify(field)))
    ? undefined
    : "trailer";
}

function toKept(fields: readonly Field[], meant: MeantStream): readonly Field[] {
  return fields.filter(
    ([name]) => !CONVERTED.test(name) && !(isHead(meant) && CONVERTED_IN_HEAD.test(name)),
  );
}

/** A request may arrive without a response if its stream was given up. Each belongs to another stream. */
function checkUnclaimed(
  streams: readonly SentStream[],
  { streams: responses }: ReceivedFrames,
  unclaimed: ReadonlySet<Arrival>,
): (string | undefined)[] {
  const silent = streams.filter(
    ({ id }) => seqOf(responses.get(id)?.final?.fields ?? []) === undefined,
  );
  const left = silent
    .map(readStream)
    .flatMap((meaning) => (meaning.kind === "never" ? [] : [meaning.request]));
  return [...unclaimed].map((arrival) => {
    const index = left.findIndex((meant) => findDifference(meant, arrival) === undefined);
    if (index === -1) return `a request arrived that no stream meant: ${quote(arrival.raw)}`;
    left.splice(index, 1);
    return undefined;
  });
}
