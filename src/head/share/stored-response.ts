/** An answer that several clients get. */

import type { ResponseFields } from "../../http/response-fields.ts";
import { filterFields } from "../../http/fields.ts";
import { toHeadClientFields } from "../fields.ts";

/** An answer that was asked for by somebody else. */
export interface StoredResponse {
  readonly status: number;
  readonly reason: string;
  /** The fields for a client, with Age. */
  toFields(nowMs: number): readonly string[];
  /** About what it takes to keep it. */
  readonly bytes: number;
}

/** What came, and when it was asked for in milliseconds. */
export interface ReceivedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: ResponseFields;
  readonly sentMs: number;
  readonly ageSeconds: number;
}

/**
 * Prepares an answer for many. Age counts from when it was asked for and includes that which it came with (RFC 9111 §5.1,
 * §4.2.3). The fields are put together once for each second that they live.
 */
export function createStoredResponse(received: ReceivedResponse): StoredResponse {
  const { status, reason, fields, sentMs, ageSeconds } = received;
  const endToEnd = filterFields(fields.endToEnd, (name) => name !== "age");
  let lastAge = -1;
  let lastFields: readonly string[] = [];
  return {
    status,
    reason,
    toFields(nowMs) {
      const age = ageSeconds + Math.floor((nowMs - sentMs) / 1_000);
      if (age !== lastAge) {
        lastAge = age;
        const aged = [...endToEnd, "Age", String(age)];
        lastFields = toHeadClientFields(status, { ...fields, endToEnd: aged });
      }
      return lastFields;
    },
    bytes: endToEnd.reduce((sum, text) => sum + text.length, reason.length),
  };
}
