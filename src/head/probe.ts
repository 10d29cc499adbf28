/** Asking for the first byte of content only, and what the answer says about the whole. */

import { type AnswerFields, filterFields } from "../http/headers.ts";

/** The field that makes a GET a probe (RFC 9110 §14.2). */
export const PROBE: readonly string[] = ["Range", "bytes=0-0"];

/** Status and fields as a GET without Range would have had them. */
export interface Whole {
  readonly status: number;
  readonly fields: AnswerFields;
}

/**
 * Reads the answer to a probe: 206 becomes 200 with the full length, an answer that has nothing to do with the range is used as
 * it is. Undefined where only the same request without Range can tell: 416, or a 206 that does not say the full length.
 */
export function readProbe(status: number, fields: AnswerFields): Whole | undefined {
  if (status === 416) return undefined;
  if (status !== 206) return { status, fields };
  const total = readTotal(fields);
  if (total === undefined) return undefined;
  const endToEnd = filterFields(
    fields.endToEnd,
    (name) => name !== "content-range" && name !== "content-length",
  );
  endToEnd.push("Content-Length", String(total));
  return { status: 200, fields: { ...fields, endToEnd, contentLength: total } };
}

/** Whether a 416 only says that there is no first byte, which is so of one empty file and not of its route. */
export function isEmpty({ endToEnd }: AnswerFields): boolean {
  return valuesOf(endToEnd, "content-range").join() === "bytes */0";
}

// A total that a double does not hold, or two that differ, are not to be believed.
function readTotal({ endToEnd }: AnswerFields): number | undefined {
  const [value, ...others] = valuesOf(endToEnd, "content-range");
  const total = /^bytes 0-\d+\/(\d{1,15})$/.exec(value ?? "")?.[1];
  return total === undefined || others.length > 0 ? undefined : Number(total);
}

function valuesOf(fields: readonly string[], lowerCaseName: string): string[] {
  return fields.filter(
    (_, index) => index % 2 === 1 && fields[index - 1]?.toLowerCase() === lowerCaseName,
  );
}
