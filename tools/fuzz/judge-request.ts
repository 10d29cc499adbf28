/** Holds what happened to a client's bytes against what they mean. */

import { type ReadResponse, type ReadResponses, readResponses } from "./responses.ts";
import type { Received } from "./client.ts";
import type { Arrival } from "./recorder.ts";
import type { Meaning, Meant } from "./requests.ts";
import { valuesOf } from "./strict.ts";
import { type Verdict, isResponseTo, quote, seqOf } from "./verdict.ts";

/** Answers that a proxy may give by itself to what a client sends. A 5xx of the others would blame the recorder. */
const OWN_STATUSES: ReadonlySet<number> = new Set([
  200, 204, 400, 405, 408, 413, 414, 417, 431, 501, 505,
]);

/** Judges one connection: what it meant, what arrived of it, what came back. */
export function judgeRequests(
  { requests, ending, early }: Meaning,
  arrivals: readonly Arrival[],
  { text, close, isStalled }: Received,
): Verdict {
  const possible = early === undefined ? requests : [...requests, early];
  const answers = readAll(text, possible, close);
  const problems = [
    answers.ending === "complete" ? undefined : `the answers end ${answers.ending}: ${quote(text)}`,
    close === "open" ? "the proxy never closes the connection" : undefined,
    isStalled && ending === "complete" ? `no answer comes; so far ${quote(text)}` : undefined,
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

// What is wrong with its content may be known before its answer is: then the refusal takes that answer's place.
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

// What a proxy could not parse it refuses without knowing the method, so that a refused HEAD may be answered with content.
function readAll(
  text: string,
  requests: readonly Meant[],
  close: Received["close"],
): ReadResponses {
  const methods = requests.map(({ method }) => method);
  const answers = readResponses(text, methods, close);
  if (answers.ending === "complete") return answers;
  const last = answers.final.length - 1;
  const others = [[...methods, "HEAD"], ...(last in methods ? [methods.with(last, "GET")] : [])];
  const readings = others.map((other) => readResponses(text, other, close));
  return readings.find(({ ending }) => ending === "complete") ?? answers;
}

/** Each answer belongs to the request at its place, and each arrival has exactly one. */
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
    // A proxy may give a request without a host the upstream's.
    (request.host === undefined || valuesOf(arrival.fields, "host").join() === request.host);
  return isSame ? undefined : `it arrived as another request: ${quote(arrival.raw)}`;
}
