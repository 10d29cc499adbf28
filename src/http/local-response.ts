/** headgate's own responses, and those to requests that are addressed to headgate itself and not to the upstream. */

import { filterFields, findField } from "./fields.ts";
import type { RequestHead } from "./wire/request-head.ts";
import type { CheckedRequest } from "./request.ts";
import { isSecretField } from "./secrets.ts";
import { toFieldLines } from "./wire/serialize.ts";

/** A response of headgate's own. */
export interface LocalResponse {
  readonly status: number;
  readonly fields: readonly string[];
  /** One character per byte (latin1), so received bytes are sent back unchanged. */
  readonly body: string;
  /** Whether the connection closes after it. */
  readonly connection: "keep-alive" | "close";
}

/**
 * Returns headgate's response to `OPTIONS *`, which is about a server and not a resource, and to an OPTIONS or TRACE whose Max-Forwards
 * is 0 (RFC 9110 §7.6.2); undefined for all other requests.
 */
export function toLocalResponse(
  head: RequestHead,
  { path, endToEnd }: CheckedRequest,
): LocalResponse | undefined {
  if (path === "*") return NO_CONTENT;
  if (head.method !== "OPTIONS" && head.method !== "TRACE") return undefined;
  if (readMaxForwards(endToEnd) !== 0) return undefined;
  return head.method === "OPTIONS" ? NO_CONTENT : toEcho(head);
}

/** Returns the fields with Max-Forwards decremented, for OPTIONS and TRACE. For other methods the field has no meaning. */
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

// RFC 9110 §7.6.2 allows a recipient to lower a value above its maximum. Otherwise such a value would never reach 0.
const MAX_FORWARDS = 1_000_000_000;

const NO_CONTENT: LocalResponse = { status: 204, fields: [], body: "", connection: "keep-alive" };

function readMaxForwards(fields: readonly string[]): number | undefined {
  const value = findField(fields, "max-forwards");
  return value !== undefined && /^\d+$/.test(value)
    ? Math.min(Number(value), MAX_FORWARDS)
    : undefined;
}

// RFC 9110 §9.3.8: the response to TRACE must not contain secrets.
function toEcho({ method, target, httpVersion, rawFields }: RequestHead): LocalResponse {
  const shown = filterFields(rawFields, (name) => !isSecretField(name));
  const body = `${method} ${target} HTTP/${httpVersion}\r\n${toFieldLines(shown)}\r\n`;
  const fields = ["Content-Type", "message/http", "Content-Length", String(body.length)];
  return { status: 200, fields, body, connection: "keep-alive" };
}
