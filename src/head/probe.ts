/** Asking for the first byte of content only, and what the answer says about the whole. */

import type { RouteConfig } from "../config/schema/file.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import { filterFields, findField } from "../http/fields.ts";
import { toHeadFields } from "./fields.ts";

/** The field that makes a GET a probe (RFC 9110 §14.2). */
const PROBE: readonly string[] = ["Range", "bytes=0-0"];

/** Status and fields as a GET without Range would have had them. */
export interface FullResponse {
  readonly status: number;
  readonly fields: ResponseFields;
}

// These fields describe the 206 and not the full response (RFC 9530 §2, RFC 9421), which has other values.
const OF_ONE_BYTE = ["content-digest", "content-md5", "signature-input", "signature"] as const;

/**
 * Whether the GET for a HEAD of this route asks for a range.
 *
 * Many backends compress a 200 and never a 206, and some do not name Accept-Encoding in the 206's Vary (Starlette). Then the 206 has not
 * the length of the GET, but RFC 9110 §8.6 wants that length or none. So a client that accepts a coding gets no probe.
 */
export function isProbed({ head }: RouteConfig, fields: readonly string[]): boolean {
  return head.range === "probe" && !acceptsCoding(fields);
}

/** Returns the end-to-end fields of the probe for a HEAD. */
export function toProbeFields(fields: readonly string[]): readonly string[] {
  return [...toHeadFields(fields, "GET"), ...PROBE];
}

/**
 * Reads the answer to a probe: 206 becomes 200 with the full length, an answer that has nothing to do with the range is used as
 * it is. Undefined where only the same request without Range can tell: 416, a 206 that does not say the full length, or one with
 * fields that the whole would not have.
 */
export function readProbe(status: number, fields: ResponseFields): FullResponse | undefined {
  if (status === 416) return undefined;
  if (status !== 206) return { status, fields };
  const total = readTotal(fields);
  if (total === undefined) return undefined;
  if (OF_ONE_BYTE.some((name) => findField(fields.endToEnd, name) !== undefined)) return undefined;
  return { status: 200, fields: toFull(fields, total) };
}

/** Whether a 416 only says that the file is empty, which tells nothing about the other files of the route. */
export function isEmpty({ endToEnd }: ResponseFields): boolean {
  return valuesOf(endToEnd, "content-range").join() === "bytes */0";
}

/** Adds Accept-Ranges, as a 206 proves that the backend serves ranges: nginx sends the field in a 200 only, and qemu-img needs it. */
function toFull(fields: ResponseFields, total: number): ResponseFields {
  const endToEnd = filterFields(
    fields.endToEnd,
    (name) => name !== "content-range" && name !== "content-length",
  );
  endToEnd.push("Content-Length", String(total));
  if (findField(endToEnd, "accept-ranges") === undefined) endToEnd.push("Accept-Ranges", "bytes");
  return { ...fields, endToEnd, contentLength: total };
}

function acceptsCoding(fields: readonly string[]): boolean {
  return valuesOf(fields, "accept-encoding").some((value) =>
    value.split(",").some((member) => !/^\s*(?:identity\s*(?:;.*)?)?$/i.test(member)),
  );
}

// A total that a double does not hold, or two that differ, are not to be believed.
function readTotal({ endToEnd }: ResponseFields): number | undefined {
  const [value, ...others] = valuesOf(endToEnd, "content-range");
  const total = /^bytes 0-\d+\/(\d{1,15})$/.exec(value ?? "")?.[1];
  return total === undefined || others.length > 0 ? undefined : Number(total);
}

function valuesOf(fields: readonly string[], lowerCaseName: string): string[] {
  return fields.filter(
    (_, index) => index % 2 === 1 && fields[index - 1]?.toLowerCase() === lowerCaseName,
  );
}
