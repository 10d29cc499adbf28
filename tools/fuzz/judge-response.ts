/** Compares the response that a client received with the response that the upstream sent. */

import {
  type ReadResponse,
  type Close,
  type Reading,
  readResponse,
  readResponses,
} from "./responses.ts";
import type { ResponseCase } from "./case.ts";
import type { Received } from "./conversation.ts";
import type { Arrival } from "./recorder.ts";
import { type Problem, valuesOf } from "./strict.ts";
import { AFTER_SCRIPTED_PATH, type Verdict, isResponseTo, quote, seqOf } from "./verdict.ts";

/** The meaning of a script for its recipient. */
export interface SentResponse {
  /** The final response, if it is valid. */
  readonly final: ReadResponse | Problem;
  readonly interim: number;
  /** Whether nothing follows it and the connection's end does not delimit it: the connection may stay open. */
  readonly isClean: boolean;
  /** The number of bytes after it. */
  readonly surplus: number;
}

const MAX_INTERIM = 100;

/** Reads a script as the response to `method`. A status line that ends after the code is accepted by strict reading too. */
export function readScript(
  script: string,
  {
    method,
    close,
    reading = "tolerant",
  }: { method: "GET" | "HEAD"; close: Close; reading?: Reading },
): SentResponse {
  const bytes = script.replaceAll(/^(HTTP\/1\.[01] \d{3})(?=\r\n)/gm, "$1 ");
  let at = 0;
  for (let interim = 0; ; interim += 1) {
    const final = readResponse(bytes, at, { method, close, reading });
    if (typeof final === "string") return { final, interim, isClean: false, surplus: 0 };
    if (final.status === 101 || interim > MAX_INTERIM)
      return { final: "invalid", interim, isClean: false, surplus: 0 };
    if (final.status >= 200) {
      const surplus = bytes.length - final.end;
      return { final, interim, isClean: surplus === 0 && !final.isDelimitedByClose, surplus };
    }
    at = final.end;
  }
}

/** Judges one exchange with a scripted response, and the ordinary exchange after it. */
export function judgeResponse(
  { method, after }: ResponseCase,
  { script, reading }: { readonly script: string; readonly reading: Reading },
  arrivals: readonly Arrival[],
  { text, close, isStalled }: Received,
): Verdict {
  // libuv reports a reset that arrives together with the last bytes as an end, because it checks for EOF after them. By RFC 9112 §8,
  // content without a framing is complete at the end of the connection, however the connection ends.
  const sent = readScript(script, { method, close: after === "keep" ? "open" : "end", reading });
  const answers = readResponses(text, [method, "GET"], close);
  const [first, second, ...further] = answers.final;
  const isOwn = first !== undefined && valuesOf(first.fields, "proxy-status").length > 0;
  const isCut = first === undefined;
  const problems = [
    close === "open" || isStalled ? `nothing moves; so far ${quote(text)}` : undefined,
    answers.rest === "invalid" || (answers.rest === "incomplete" && !isCut)
      ? `the answers end ${answers.rest}: ${quote(text)}`
      : undefined,
    answers.interim.length > sent.interim || answers.interim.some(({ status }) => status === 101)
      ? `interim answers that nobody sent: ${quote(text)}`
      : undefined,
    isCut ? undefined : checkFirst(first, isOwn, sent),
    isCut ? undefined : checkSecond(second, arrivals, sent),
    further.length > 0 ? `one answer too many: ${quote(text)}` : undefined,
  ];
  return {
    outcome: isCut || isOwn ? "refused" : "accepted",
    failure: problems.find((problem) => problem !== undefined),
  };
}

function checkFirst(
  got: ReadResponse,
  isOwn: boolean,
  { final }: SentResponse,
): string | undefined {
  if (isOwn) return got.status === 502 ? undefined : `the proxy answers ${got.status} by itself`;
  if (typeof final === "string") return `the upstream's answer is ${final}, and yet came through`;
  const isSame =
    got.status === final.status &&
    got.reason === final.reason &&
    got.body === final.body &&
    valuesOf(got.fields, "x-case").join() === valuesOf(final.fields, "x-case").join();
  const told = JSON.stringify(got.fields);
  return isSame
    ? undefined
    : `it came through as another answer: ${got.status} ${got.reason} ${told} ${quote(got.body)}`;
}

/** Checks the response to the request after the scripted one. */
export function checkSecond(
  got: ReadResponse | undefined,
  arrivals: readonly Arrival[],
  { isClean }: SentResponse,
): string | undefined {
  if (got === undefined) return "the request behind it has no answer";
  // The request may have been sent on the connection that the previous response was about to invalidate.
  if (!isClean && got.status === 502 && seqOf(got) === undefined) return undefined;
  // If a connection ends during a request, the proxy sends that request again (RFC 9110 §9.2.2).
  const arrival = arrivals.findLast(({ target }) => target === AFTER_SCRIPTED_PATH);
  if (arrival === undefined || seqOf(got) !== arrival.seq)
    return `the request behind it got another answer: ${got.status} ${quote(got.body)}`;
  return isResponseTo(got, arrival, "GET") ? undefined : `not its own answer: ${quote(got.body)}`;
}
