/** Computes the Content-Length of a response that has none, by reading its content. */

import type { RouteConfig } from "../config/types.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import type { Drained } from "./drain.ts";

/**
 * Whether the content of the GET is read and counted before the response to the HEAD is sent. Only chunked content qualifies: content
 * that ends with its connection may be truncated, and Content-Length must be exact or absent (RFC 9110 §8.6).
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

/** Adds the counted length as Content-Length. Returns the fields unchanged if the content did not end within the drain limits. */
export function withMeasured(fields: ResponseFields, { body, bytes }: Drained): ResponseFields {
  if (body === "aborted") return fields;
  const endToEnd = [...fields.endToEnd, "Content-Length", String(bytes)];
  return { ...fields, endToEnd, contentLength: bytes };
}
