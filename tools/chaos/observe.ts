/** Reads the response to one request over HTTP/1.1, and describes what the client saw. */

import {
  fieldValues,
  type Framing,
  type Head,
  MessageError,
  framingOf,
  readHead,
} from "../../test/support/message.ts";
import type { Exchange } from "./ledger.ts";
import type { Observed } from "./observed.ts";
import { isBodiless } from "./plan.ts";
import { type ResponseCheck, createResponseCheck } from "./response-check.ts";
import { type ChaosWire, readContent } from "./wire.ts";

/** Called for each interim response. */
export type OnInterim = (status: number) => void;

/** Reads interim responses and the final one. Never rejects. */
export async function observeResponse(
  wire: ChaosWire,
  exchange: Exchange,
  onInterim: OnInterim = () => undefined,
): Promise<Observed> {
  const check = createResponseCheck(exchange);
  try {
    const head = await readFinalHead(wire, check, onInterim);
    const observed = await readRest(wire, exchange, head, check);
    exchange.note(`client: ${JSON.stringify(observed)}`);
    return observed;
  } catch (error) {
    exchange.note(`client: ${String(error).slice(0, 300)}`);
    const fault = check.fault();
    if (fault !== undefined) return { kind: "foul", fault };
    if (!(error instanceof MessageError)) return { kind: "foul", fault: String(error) };
    if (error.closeKind !== undefined)
      return { kind: check.hasBegun() || error.received.length > 0 ? "broken" : "nothing" };
    const isHung = error.message.startsWith("nothing more came");
    return isHung ? { kind: "hung" } : { kind: "foul", fault: error.message };
  }
}

async function readFinalHead(
  { bytes }: ChaosWire,
  check: ResponseCheck,
  onInterim: OnInterim,
): Promise<Head> {
  for (;;) {
    const head = await readHead(bytes);
    const status = statusOf(head);
    if (status >= 200 || status === 101) return head;
    check.onInterim(status, head.lines);
    onInterim(status);
  }
}

async function readRest(
  wire: ChaosWire,
  { plan }: Exchange,
  head: Head,
  check: ResponseCheck,
): Promise<Observed> {
  const status = statusOf(head);
  check.onHead(status, head.lines);
  const framing = toFraming(head, status, plan.method);
  const closes =
    framing === "close" || fieldValues(head, "connection")[0]?.toLowerCase() === "close";
  const trailers = await readContent(wire, framing, check.onContent);
  return check.complete({ trailers, closes, takesTrailers: framing === "chunked" });
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
  return isBodiless(method, status) ? 0 : announced;
}
