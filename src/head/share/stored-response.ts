/** A response that several clients get. */

import type { ResponseFields } from "../../http/response-fields.ts";
import { filterFields } from "../../http/fields.ts";
import { toHeadClientFields } from "../head-fields.ts";

/** A response to the request of another client. */
export interface StoredResponse {
  readonly status: number;
  readonly reason: string;
  /** Returns the fields for a client, with Age; `nowMs` is the monotonic clock. */
  toFields(nowMs: number): readonly string[];
  /** The approximate memory that it takes. */
  readonly bytes: number;
}

/** A response as received, when its request was sent (in milliseconds), and its age when it came. */
export interface ReceivedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: ResponseFields;
  readonly sentMs: number;
  readonly ageSeconds: number;
}

/**
 * Prepares a response for several clients. Its Age counts from the sending of the request and includes the Age that it came with
 * (RFC 9111 §5.1, §4.2.3). The fields are built at most once per second.
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
