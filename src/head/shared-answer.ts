/** An answer that several clients get. */

import { toClientFields } from "../http/answer.ts";
import { type AnswerFields, filterFields } from "../http/headers.ts";

/** An answer that was asked for by somebody else. */
export interface SharedAnswer {
  readonly status: number;
  readonly reason: string;
  /** The fields for a client of that HTTP version, with Age; not to be changed. */
  toFields(httpVersion: string, nowMs: number): string[];
  /** About what it takes to keep it. */
  readonly bytes: number;
}

/** What came, and when it was asked for in milliseconds. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly reason: string;
  readonly fields: AnswerFields;
  readonly askedMs: number;
  readonly ageSeconds: number;
}

/**
 * Prepares an answer for many. Age counts from when it was asked for and includes that which it came with (RFC 9111 §5.1,
 * §4.2.3). The fields are put together once for each second that they live, since most clients speak HTTP/1.1.
 */
export function createSharedAnswer(received: ReceivedAnswer): SharedAnswer {
  const { status, reason, fields, askedMs, ageSeconds } = received;
  const endToEnd = filterFields(fields.endToEnd, (name) => name !== "age");
  let lastAge = -1;
  let lastFields: string[] = [];

  const toFields = (httpVersion: string, age: number): string[] => {
    const aged = [...endToEnd, "Age", String(age)];
    return toClientFields(status, httpVersion, { ...fields, endToEnd: aged });
  };
  return {
    status,
    reason,
    toFields(httpVersion, nowMs) {
      const age = ageSeconds + Math.floor((nowMs - askedMs) / 1_000);
      if (httpVersion !== "1.1") return toFields(httpVersion, age);
      if (age !== lastAge) {
        lastAge = age;
        lastFields = toFields(httpVersion, age);
      }
      return lastFields;
    },
    bytes: endToEnd.reduce((sum, text) => sum + text.length, reason.length),
  };
}
