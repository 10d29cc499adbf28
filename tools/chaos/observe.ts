/** Reads the response to one request, and describes what the client saw. */

import {
  fieldValues,
  type Framing,
  type Head,
  MessageError,
  framingOf,
  readHead,
} from "../../test/support/message.ts";
import { checkContent } from "./content.ts";
import { REFUSAL_SIZE } from "./echo.ts";
import type { Exchange } from "./ledger.ts";
import type { Plan } from "./plan.ts";
import { type ChaosWire, readContent } from "./wire.ts";

/** What a client saw. */
export type Observed =
  /** A complete response, of the upstream or of headgate. */
  | {
      readonly kind: "answer";
      readonly from: "upstream" | "headgate";
      readonly status: number;
      /** The id of the exchange that the response names. */
      readonly id: string | undefined;
      /** Whether the connection ends after it. */
      readonly closes: boolean;
    }
  /** The connection ended in the middle of a response (`broken`), before one, or while another response was due. */
  | { readonly kind: "broken" | "nothing" | "unanswered" | "left" | "hung" }
  /** A violation that a client must never see. */
  | { readonly kind: "foul"; readonly fault: string };

/** Called for each interim response. */
export type OnInterim = (status: number) => void;

/** Reads interim responses and the final one. Never rejects. */
export async function observeResponse(
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
    if (error.closeKind !== undefined)
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
    const id = fieldValues(head, "x-chaos-id")[0];
    if (id !== undefined && id !== plan.id) fouls.push(`an interim answer of ${id}`);
    if (plan.manner === "http10") fouls.push("an interim answer in HTTP/1.0");
    onInterim(status);
  }
}

async function readRest(
  wire: ChaosWire,
  exchange: Exchange,
  { head, fouls }: ReadHead,
): Promise<Observed> {
  const status = statusOf(head);
  const id = fieldValues(head, "x-chaos-id")[0];
  const framing = toFraming(head, status, exchange.plan.method);
  const closes =
    framing === "close" || fieldValues(head, "connection")[0]?.toLowerCase() === "close";
  if (id === undefined) {
    const pieces: Buffer[] = [];
    await readContent(wire, framing, (piece) => void pieces.push(piece));
    const text = Buffer.concat(pieces).toString();
    return { kind: "answer", from: "headgate", status, id: requestIdOf(text), closes };
  }
  if (id !== exchange.plan.id) fouls.push(`the answer of ${id}`);
  await readRelayed(wire, exchange.plan, { framing, fouls });
  return { kind: "answer", from: "upstream", status, id, closes };
}

/** Reads the upstream's content and checks that it belongs to this exchange, to the last byte. */
async function readRelayed(
  wire: ChaosWire,
  { id, fault, size }: Plan,
  { framing, fouls }: { readonly framing: Framing; readonly fouls: string[] },
): Promise<void> {
  const isRefusal = fault === "upgrade";
  const content = checkContent(id, isRefusal ? REFUSAL_SIZE : size);
  let trailers: readonly string[] = [];
  try {
    trailers = await readContent(wire, framing, content.take);
  } finally {
    const foreign = content.fault();
    if (foreign !== undefined) fouls.push(foreign);
  }
  if (framing !== 0 && !content.isComplete())
    fouls.push(`a complete answer of which only ${content.count()} bytes came`);
  const trailer = fieldValues({ lines: trailers }, "x-chaos-trailer")[0];
  if (trailer !== undefined && trailer !== id) fouls.push(`the trailer of ${trailer}`);
  const expectsTrailer = fault === "trailers" && framing === "chunked";
  if (expectsTrailer && trailer === undefined) fouls.push("a trailer is missing");
}

function statusOf(head: Head): number {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head.start)?.[1];
  if (status === undefined)
    throw new MessageError(`not a status line: ${head.start}`, Buffer.alloc(0));
  return Number(status);
}

// RFC 9112 §6.3: these responses end with their header section, whatever their fields announce.
function toFraming(head: Head, status: number, method: string): Framing {
  const announced = framingOf(head) ?? "close";
  const isBodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  return isBodiless ? 0 : announced;
}

function requestIdOf(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return (JSON.parse(text) as { readonly requestId?: string }).requestId;
  } catch {
    return undefined;
  }
}
