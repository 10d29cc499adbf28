/** Compares the result of a client's bytes with their meaning. */

import { type ReadResponse, type ReadResponses, readResponses } from "./responses.ts";
import type { Received } from "./conversation.ts";
import type { Arrival } from "./recorder.ts";
import type { Meaning, Meant } from "./requests.ts";
import { valuesOf } from "./strict.ts";
import { type Verdict, isResponseTo, quote, seqOf } from "./verdict.ts";

/** Statuses that a proxy may generate for a client's bytes. The other 5xx statuses would blame the recorder. */
const OWN_STATUSES: ReadonlySet<number> = new Set([
  200, 204, 400, 405, 408, 413, 414, 417, 431, 501, 505,
]);

/** Judges one connection: the meaning of its bytes, the requests that arrived, and the responses. */
export function judgeRequests(
  { requests, rest, early }: Meaning,
  arrivals: readonly Arrival[],
  { text, close, isStalled }: Received,
): Verdict {
  const possible = early === undefined ? requests : [...requests, early];
  const answers = readAll(text, possible, close);
  const problems = [
    answers.rest === "complete" ? undefined : `the answers end ${answers.rest}: ${quote(text)}`,
    close === "open" ? "the proxy never closes the connection" : undefined,
    isStalled && rest === "complete" ? `no answer comes; so far ${quote(text)}` : undefined,
    ...checkResponses(answers.final, possible, withoutEarly(arrivals, answers.final, early)),
  ];
  const last = requests.at(-1);
  const hasLastResponse = answers.final.length === requests.length && last?.path === "/end";
  const isTaken = hasLastResponse && answers.final.at(-1)?.status === 200;
  return {
    outcome: isTaken ? "accepted" : "refused",
    failure: problems.find((problem) => problem !== undefined),
  };
}

// A proxy may detect malformed content before the response exists: its refusal then replaces the response.
function withoutEarly(
  arrivals: readonly Arrival[],
  answers: readonly ReadResponse[],
  early: Meant | undefined,
): readonly Arrival[] {
  const hasResponse = answers.filter((answer) => seqOf(answer) !== undefined).length;
  return early !== undefined && arrivals.length === hasResponse + 1
    ? arrivals.slice(0, -1)
    : arrivals;
}

// A proxy refuses an unparsable request without knowing the method, so the response to a HEAD may have content.
function readAll(
  text: string,
  requests: readonly Meant[],
  close: Received["close"],
): ReadResponses {
  const methods = requests.map(({ method }) => method);
  const answers = readResponses(text, methods, close);
  if (answers.rest === "complete") return answers;
  const last = answers.final.length - 1;
  const others = [[...methods, "HEAD"], ...(last in methods ? [methods.with(last, "GET")] : [])];
  const readings = others.map((other) => readResponses(text, other, close));
  return readings.find(({ rest }) => rest === "complete") ?? answers;
}

/** Each response must match the request at the same index, and each arrival must match exactly one request. */
function checkResponses(
  answers: readonly ReadResponse[],
  requests: readonly Meant[],
  arrivals: readonly Arrival[],
): (string | undefined)[] {
  const problems: (string | undefined)[] = [];
  let arrived = 0;
  for (const [index, answer] of answers.entries()) {
    const request = requests[index];
    const seq = seqOf(answer);
    if (seq === undefined) {
      problems.push(checkOwn(answer, index === answers.length - 1));
      continue;
    }
    const arrival = arrivals[arrived];
    arrived += 1;
    problems.push(
      request === undefined
        ? `an answer to a request that is none: ${quote(arrival?.raw ?? answer.body)}`
        : checkArrival(answer, request, arrival),
    );
  }
  const surplus = arrivals[arrived];
  if (surplus !== undefined)
    problems.push(`a request arrived that was not answered: ${quote(surplus.raw)}`);
  return problems;
}

function checkOwn({ status, fields }: ReadResponse, isLast: boolean): string | undefined {
  if (!OWN_STATUSES.has(status))
    return `the proxy answers ${status} by itself: ${valuesOf(fields, "proxy-status").join()}`;
  return status >= 400 && !isLast
    ? `something is answered after a refusal with ${status}`
    : undefined;
}

function checkArrival(
  answer: ReadResponse,
  request: Meant,
  arrival: Arrival | undefined,
): string | undefined {
  if (arrival === undefined || arrival.seq !== seqOf(answer))
    return `an answer of another request: ${quote(answer.body)}`;
  if (!isResponseTo(answer, arrival, request.method))
    return `not its own answer: ${quote(answer.body)}`;
  const isHead = request.method === "HEAD";
  const isSame =
    arrival.method === (isHead ? "GET" : request.method) &&
    arrival.target === request.path &&
    arrival.body === (isHead ? "" : request.body) &&
    // If a request has no host, a proxy may send the upstream's host.
    (request.host === undefined || valuesOf(arrival.fields, "host").join() === request.host);
  return isSame ? undefined : `it arrived as another request: ${quote(arrival.raw)}`;
}
