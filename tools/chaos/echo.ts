/** The upstream's side of an upgrade: it refuses, closes the connection, or echoes all bytes. */

import { createHash } from "node:crypto";

import type { ByteReader } from "../../test/support/message.ts";
import { headText } from "./responses.ts";
import { contentOf } from "./content.ts";
import type { Arrival } from "./script.ts";

/** The outcome of an upgrade, chosen by the salt of its order. */
export type UpgradeEnd = "refused" | "reset" | "stalled" | "cut" | "served";

/** The size of a refusal's content in bytes. */
export const REFUSAL_SIZE = 100;

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The outcome for a salt. */
export function toUpgradeEnd(salt: number): UpgradeEnd {
  const share = salt % 100;
  if (share < 1) return "stalled";
  if (share < 15) return "refused";
  if (share < 25) return "reset";
  return share < 40 ? "cut" : "served";
}

/** The number of bytes that a tunnel carries in each direction. */
export function toTunnelSize({ size }: Arrival["order"]): number {
  return size + 1;
}

/** Serves one upgrade to its end. */
export async function echo(arrival: Arrival, bytes: ByteReader): Promise<void> {
  const { order, socket, closed } = arrival;
  const end = toUpgradeEnd(order.salt);
  await arrival.completed;
  if (end === "stalled") return void (await closed);
  if (end === "reset") return arrival.peer.reset();
  if (end === "refused") {
    arrival.onIdleEnd(); // the response has a length, so its connection is open until the end is seen
    const head = headText(403, order.id, [`Content-Length: ${REFUSAL_SIZE}`]);
    socket.end(`${head}${contentOf(order.id, REFUSAL_SIZE).toString()}`);
    return void (await closed);
  }
  socket.write(headText(101, order.id, ["Connection: Upgrade", ...toProtocol(arrival)]));
  const total = toTunnelSize(order);
  const wanted = end === "cut" ? order.salt % total : total;
  for (let done = 0; done < wanted;) {
    const piece = await bytes.take(Math.min(16_384, wanted - done));
    done += piece.length;
    socket.write(piece);
  }
  if (end === "cut") return arrival.peer.reset();
  await closed;
  socket.end();
}

function toProtocol({ webSocketKey }: Arrival): readonly string[] {
  if (webSocketKey === undefined) return ["Upgrade: chaos"];
  const accept = createHash("sha1").update(`${webSocketKey}${GUID}`).digest("base64");
  return ["Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`];
}
