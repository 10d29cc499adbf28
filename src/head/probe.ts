/** A GET of the first byte only (`range: probe`), and the full response as its 206 describes it. */

import type { RouteConfig } from "../config/types.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import { filterFields, findField } from "../http/fields.ts";
import { toHeadFields } from "./head-fields.ts";

/** The field that makes a GET a probe (RFC 9110 §14.2). */
const PROBE: readonly string[] = ["Range", "bytes=0-0"];

/** The status and fields that the same GET without Range would get. */
export interface FullResponse {
  readonly status: number;
  readonly fields: ResponseFields;
}

// These fields describe the 206 (RFC 9530 §2, RFC 9421). In the full response they have other values.
const OF_ONE_BYTE = ["content-digest", "content-md5", "signature-input", "signature"] as const;

/**
 * Whether the GET for a HEAD of this route is sent as a probe.
 *
 * Many backends compress a 200 but never a 206, and some do not name Accept-Encoding in the Vary of the 206 (Starlette). Then the 206
 * shows another length than the GET would, but RFC 9110 §8.6 requires the length of the GET or none. So a HEAD that accepts a content
 * coding is not sent as a probe.
 */
export function isProbed({ head }: RouteConfig, fields: readonly string[]): boolean {
  return head.range === "probe" && !acceptsCoding(fields);
}

/** Returns the end-to-end fields of the probe for a HEAD. */
export function toProbeFields(fields: readonly string[]): readonly string[] {
  return [...toHeadFields(fields, "GET"), ...PROBE];
}

/**
 * Reads the response to a probe. A 206 becomes a 200 with the full length. Any other response but a 416 does not depend on the range and
 * is returned unchanged. Returns undefined if the request must be repeated without Range: after a 416, a 206 without the full length, or
 * a 206 with fields that differ in the full response.
 */
export function readProbe(status: number, fields: ResponseFields): FullResponse | undefined {
  if (status === 416) return undefined;
  if (status !== 206) return { status, fields };
  const total = readTotal(fields);
  if (total === undefined) return undefined;
  if (OF_ONE_BYTE.some((name) => findField(fields.endToEnd, name) !== undefined)) return undefined;
  return { status: 200, fields: toFull(fields, total) };
}

/** Whether a 416 only means that the file is empty. That shows nothing about other files of the route. */
export function isEmpty({ endToEnd }: ResponseFields): boolean {
  return valuesOf(endToEnd, "content-range").join() === "bytes */0";
}

/** Adds Accept-Ranges, because a 206 proves that the backend serves ranges. nginx sends the field in a 200 only, and qemu-img needs it. */
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

// Returns undefined if the length has more digits than a double holds exactly, or if there is more than one Content-Range.
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
