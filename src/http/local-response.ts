/** Requests that headgate answers in the upstream's place, because they are addressed to this hop. */

import { filterFields, findField } from "./fields.ts";
import type { LocalResponse } from "./problem.ts";
import type { RequestHead } from "./wire/request-head.ts";
import type { CheckedRequest } from "./request.ts";
import { isSecretField } from "./secrets.ts";
import { toFieldLines } from "./wire/serialize.ts";

/**
 * The answer to `OPTIONS *`, which asks about a server and not about a resource, and to an OPTIONS or TRACE whose Max-Forwards
 * is used up (RFC 9110 §7.6.2). Undefined for everything else.
 */
export function toLocalResponse(
  head: RequestHead,
  { path, fields }: CheckedRequest,
): LocalResponse | undefined {
  if (path === "*") return NO_CONTENT;
  if (head.method !== "OPTIONS" && head.method !== "TRACE") return undefined;
  if (readMaxForwards(fields) !== 0) return undefined;
  return head.method === "OPTIONS" ? NO_CONTENT : toEcho(head);
}

/** The fields with Max-Forwards one lower, for OPTIONS and TRACE; elsewhere the field means nothing. */
export function withMaxForwards(method: string, fields: readonly string[]): readonly string[] {
  if (method !== "OPTIONS" && method !== "TRACE") return fields;
  const left = readMaxForwards(fields);
  if (left === undefined) return fields;
  return fields.map((text, index) =>
    index % 2 === 1 && fields[index - 1]?.toLowerCase() === "max-forwards"
      ? String(left - 1)
      : text,
  );
}

// RFC 9110 §7.6.2 lets a recipient lower what is more than it supports; left alone, such a value would never reach 0.
const MAX_FORWARDS = 1_000_000_000;

const NO_CONTENT: LocalResponse = { status: 204, fields: [], body: "", connection: "keep-alive" };

function readMaxForwards(fields: readonly string[]): number | undefined {
  const value = findField(fields, "max-forwards");
  return value !== undefined && /^\d+$/.test(value)
    ? Math.min(Number(value), MAX_FORWARDS)
    : undefined;
}

// RFC 9110 §9.3.8: a TRACE must not reveal what is for the upstream alone.
function toEcho({ method, target, httpVersion, rawFields }: RequestHead): LocalResponse {
  const shown = filterFields(rawFields, (name) => !isSecretField(name));
  const body = `${method} ${target} HTTP/${httpVersion}\r\n${toFieldLines(shown)}\r\n`;
  const fields = ["Content-Type", "message/http", "Content-Length", String(body.length)];
  return { status: 200, fields, body, connection: "keep-alive" };
}
