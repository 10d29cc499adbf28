/** Reads the answer to one request, and tells what a client could see of it. */

import { type Framing, type Head, MessageError, framingOf, readHead } from "../support/message.ts";
import { checkContent } from "./content.ts";
import type { Exchange } from "./ledger.ts";
import { type ChaosWire, fieldOf, readContent } from "./wire.ts";

/** What a client saw. */
export type Observed =
  /** A complete answer of the upstream's, or of headgate's own. */
  | {
      readonly kind: "answer";
      readonly from: "upstream" | "headgate";
      readonly status: number;
      /** Whose answer it says it is. */
      readonly id: string | undefined;
      /** Whether the connection ends with it. */
      readonly closes: boolean;
    }
  /** The connection ended in the middle of an answer (`broken`), before one, or with one still to come on it. */
  | { readonly kind: "broken" | "nothing" | "unanswered" | "left" | "hung" }
  /** Something no client should ever see. */
  | { readonly kind: "foul"; readonly fault: string };

/** Called for each interim answer. */
export type OnInterim = (status: number) => void;

/** Reads interim answers and the final one. Never rejects. */
export async function observeAnswer(
  wire: ChaosWire,
  exchange: Exchange,
  onInterim: OnInterim = () => undefined,
): Promise<Observed> {
  const fouls: string[] = [];
  let hasBegun = false;
  try {
    const head = await readFinalHead(wire, exchange, { fouls, onInterim });
    hasBegun = true;
    const observed = await readRest(wire, exchange, { head, fouls });
    exchange.note(`client: ${JSON.stringify(observed)}`);
    return fouls[0] === undefined ? observed : { kind: "foul", fault: fouls[0] };
  } catch (error) {
    exchange.note(`client: ${String(error).slice(0, 300)}`);
    if (fouls[0] !== undefined) return { kind: "foul", fault: fouls[0] };
    if (!(error instanceof MessageError)) return { kind: "foul", fault: String(error) };
    if (error.ending !== undefined)
      return { kind: hasBegun || error.received.length > 0 ? "broken" : "nothing" };
    const isHung = error.message.startsWith("nothing more came");
    return isHung ? { kind: "hung" } : { kind: "foul", fault: error.message };
  }
}

interface Reading {
  readonly fouls: string[];
  readonly onInterim: OnInterim;
}

interface ReadHead {
  readonly head: Head;
  readonly fouls: string[];
}

async function readFinalHead(
  { bytes }: ChaosWire,
  { plan }: Exchange,
  { fouls, onInterim }: Reading,
): Promise<Head> {
  for (;;) {
    const head = await readHead(bytes);
    const status = statusOf(head);
    if (status >= 200 || status === 101) return head;
    const id = fieldOf(head, "x-chaos-id");
    if (id !== undefined && id !== plan.id) fouls.push(`an interim answer of ${id}`);
    if (plan.manner === "http10") fouls.push("an interim answer in HTTP/1.0");
    onInterim(status);
  }
}

async function readRest(
  wire: ChaosWire,
  { plan }: Exchange,
  { head, fouls }: ReadHead,
): Promise<Observed> {
  const status = statusOf(head);
  const upstreamId = fieldOf(head, "x-chaos-id");
  const framing = toFraming(head, status, plan.method);
  const closes = framing === "close" || fieldOf(head, "connection")?.toLowerCase() === "close";
  if (upstreamId === undefined) {
    const pieces: Buffer[] = [];
    await readContent(wire, framing, (piece) => void pieces.push(piece));
    const text = Buffer.concat(pieces).toString();
    const id = text === "" ? undefined : requestIdOf(text);
    return { kind: "answer", from: "headgate", status, id, closes };
  }
  if (upstreamId !== plan.id) fouls.push(`the answer of ${upstreamId}`);
  const isRefusal = plan.fault === "upgrade";
  const size = isRefusal ? plan.id.length : plan.size;
  const content = checkContent(plan.id, size);
  let trailers: readonly string[] = [];
  try {
    trailers = await readContent(wire, framing, content.take);
  } finally {
    const fault = isRefusal ? undefined : content.fault();
    if (fault !== undefined) fouls.push(fault);
  }
  if (framing !== 0 && content.count() !== size)
    fouls.push(`a complete answer with ${content.count()} of ${size} bytes`);
  const trailer = fieldOf({ lines: trailers }, "x-chaos-trailer");
  if (trailer !== undefined && trailer !== plan.id) fouls.push(`the trailer of ${trailer}`);
  const expectsTrailer = plan.fault === "trailers" && framing === "chunked";
  if (expectsTrailer && trailer === undefined) fouls.push("a trailer is missing");
  return { kind: "answer", from: "upstream", status, id: upstreamId, closes };
}

function statusOf(head: Head): number {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head.start)?.[1];
  if (status === undefined)
    throw new MessageError(`not a status line: ${head.start}`, Buffer.alloc(0));
  return Number(status);
}

// RFC 9112 §6.3: these answers end with their header section, whatever their fields announce.
function toFraming(head: Head, status: number, method: string): Framing {
  const announced = framingOf(head) ?? "close";
  const isBodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  return isBodiless ? 0 : announced;
}

function requestIdOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { readonly requestId?: string }).requestId;
  } catch {
    return undefined;
  }
}
