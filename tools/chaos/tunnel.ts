/** The client's side of an upgrade: requests it, and checks that the upstream echoes what the client sent. */

import { MessageError } from "../../test/support/message.ts";
import { resetTransport } from "../../test/support/reset.ts";
import { checkContent, contentOf } from "./content.ts";
import { toTunnelSize, toUpgradeEnd } from "./echo.ts";
import type { Performance } from "./manners.ts";
import { observeResponse } from "./observe.ts";
import type { Observed } from "./observed.ts";
import type { Plan } from "./plan.ts";
import { toBytes } from "./request.ts";
import type { ChaosWire } from "./wire.ts";

/** Opens a tunnel and uses it until it ends. */
export async function useTunnel({ wire, exchange, random }: Performance): Promise<Observed> {
  const { plan } = exchange;
  wire.socket.write(toBytes(plan));
  const observed = await observeResponse(wire, exchange);
  if (observed.kind !== "answer" || observed.status !== 101) return observed;
  if (random.chance(0.15)) {
    resetTransport(wire.transport, wire.socket);
    return { kind: "left" };
  }
  const content = contentOf(plan.id, toTunnelSize(plan));
  const middle = random.below(content.length);
  wire.socket.write(content.subarray(0, middle));
  wire.socket.write(content.subarray(middle));
  const fault = await readBack(wire, plan);
  if (fault === "broken") return { kind: "broken" };
  if (fault !== undefined) return { kind: "foul", fault };
  wire.socket.end();
  await wire.bytes.takeAll();
  return observed;
}

async function readBack({ bytes }: ChaosWire, plan: Plan): Promise<string | undefined> {
  const total = toTunnelSize(plan);
  const check = checkContent(plan.id, total);
  try {
    while (check.count() < total)
      check.take(await bytes.take(Math.min(16_384, total - check.count())));
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    check.take(error.received);
    if (error.closeKind === undefined) return "a tunnel that stands still";
    return check.fault() ?? "broken";
  }
  const isWhole = toUpgradeEnd(plan.salt) === "served";
  return check.fault() ?? (isWhole ? undefined : "more out of a tunnel than went into it");
}
