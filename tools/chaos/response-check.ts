/** Checks the response to one request as it arrives, over any version of HTTP. */

import { fieldValues } from "../../test/support/message.ts";
import { checkContent } from "./content.ts";
import { REFUSAL_SIZE } from "./echo.ts";
import { isHeadRefused } from "./heads.ts";
import type { Exchange } from "./ledger.ts";
import type { Observed } from "./observed.ts";
import { type Plan, isBodiless } from "./plan.ts";

/** The end of a complete response. */
export interface ResponseEnd {
  /** Field lines. */
  readonly trailers: readonly string[];
  /** Whether trailers could come. */
  readonly takesTrailers: boolean;
  /** Whether the connection ends after it. */
  readonly closes: boolean;
}

/** The check of one response. Fields are lines, `name: value`. */
export interface ResponseCheck {
  onInterim(status: number, lines: readonly string[]): void;
  onHead(status: number, lines: readonly string[]): void;
  onContent(piece: Buffer): void;
  /** Adds a violation that only the reader of that version can see. */
  foul(what: string): void;
  /** Whether the header section of the final response has come. */
  hasBegun(): boolean;
  /** The first violation so far. */
  fault(): string | undefined;
  /** What the client saw, after a response that ended in order. */
  complete(end: ResponseEnd): Observed;
}

function toSize({ fault, size }: Plan): number {
  if (fault === "upgrade") return REFUSAL_SIZE;
  return fault === "endless" ? Infinity : size;
}

/** Creates the check for the response to that request. */
export function createResponseCheck({ plan }: Pick<Exchange, "plan">): ResponseCheck {
  const fouls: string[] = [];
  /** The content of a response of headgate's own. */
  const own: Buffer[] = [];
  const content = checkContent(plan.id, toSize(plan));
  let head: { readonly status: number; readonly id: string | undefined } | undefined;
  let wrongLength: string | undefined;
  const fault = (): string | undefined => fouls[0] ?? content.fault();
  return {
    fault,
    foul: (what) => void fouls.push(what),
    hasBegun: () => head !== undefined,
    onInterim(_status, lines) {
      const [id] = fieldValues({ lines }, "x-chaos-id");
      if (id !== undefined && id !== plan.id) fouls.push(`an interim answer of ${id}`);
      if (plan.manner === "http10") fouls.push("an interim answer in HTTP/1.0");
    },
    onHead(status, lines) {
      const [id] = fieldValues({ lines }, "x-chaos-id");
      head = { status, id };
      if (id === undefined) return;
      if (id !== plan.id) fouls.push(`the answer of ${id}`);
      wrongLength = findWrongLength(plan, status, lines);
    },
    onContent(piece) {
      if (head === undefined) fouls.push("content before a header section");
      else if (isBodiless(plan.method, head.status))
        fouls.push(`content in a ${head.status} to ${plan.method}`);
      else if (head.id === undefined) own.push(piece);
      else content.take(piece);
    },
    complete({ trailers, takesTrailers, closes }) {
      if (head === undefined) return { kind: "nothing" };
      const { status, id } = head;
      const isWhole = id === undefined || isBodiless(plan.method, status) || content.isComplete();
      if (!isWhole) fouls.push(`a complete answer of which only ${content.count()} bytes came`);
      if (id !== undefined) fouls.push(...findWrongTrailers(plan, trailers, takesTrailers));
      if (wrongLength !== undefined) fouls.push(wrongLength);
      const found = fault();
      if (found !== undefined) return { kind: "foul", fault: found };
      if (id !== undefined) return { kind: "answer", from: "upstream", status, id, closes };
      const requestId = requestIdOf(Buffer.concat(own).toString());
      return { kind: "answer", from: "headgate", status, id: requestId, closes };
    },
  };
}

/** A HEAD gets the Content-Length that a GET gets (RFC 9110 §9.3.2), and chunks have none in either. */
function findWrongLength(plan: Plan, status: number, lines: readonly string[]): string | undefined {
  const { fault, framing, size, method, head } = plan;
  if (fault === "upgrade" || status === 204 || status === 304 || isHeadRefused(plan))
    return undefined;
  const expected = framing === "length" ? String(size) : undefined;
  const [length] = fieldValues({ lines }, "content-length");
  // headgate counts chunks, if they end in time.
  if (head === "measure" && framing === "chunked" && length === String(size)) return undefined;
  return length === expected
    ? undefined
    : `Content-Length ${length ?? "none"} for ${method}, where it is ${expected ?? "none"}`;
}

function findWrongTrailers(
  { id, fault, method }: Plan,
  lines: readonly string[],
  takesTrailers: boolean,
): readonly string[] {
  const [trailer] = fieldValues({ lines }, "x-chaos-trailer");
  if (trailer !== undefined && trailer !== id) return [`the trailer of ${trailer}`];
  const isDue = fault === "trailers" && method !== "HEAD" && takesTrailers;
  return isDue && trailer === undefined ? ["no trailer, where one is due"] : [];
}

function requestIdOf(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return (JSON.parse(text) as { readonly requestId?: string }).requestId;
  } catch {
    return undefined;
  }
}
