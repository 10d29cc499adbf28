/** The length of content that did not announce it. */

import type { RouteConfig } from "../config/types.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import type { Drained } from "./drain.ts";

/**
 * Whether a GET's content is to be counted before the HEAD is answered. Only chunked content tells its end: content that ends
 * with its connection may have been cut short, and Content-Length is exact or absent (RFC 9110 §8.6).
 */
export function isMeasured({ head }: RouteConfig, status: number, fields: ResponseFields): boolean {
  return (
    head.contentLength === "measure" &&
    fields.chunked &&
    fields.contentLength === undefined &&
    !fields.eventStream &&
    status !== 204 &&
    status !== 304
  );
}

/** The fields with the length that was counted; as they were where the content did not end within the drain limits. */
export function withMeasured(fields: ResponseFields, { body, bytes }: Drained): ResponseFields {
  if (body === "aborted") return fields;
  const endToEnd = [...fields.endToEnd, "Content-Length", String(bytes)];
  return { ...fields, endToEnd, contentLength: bytes };
}
