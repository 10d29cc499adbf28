/** The client's side of a WebSocket over HTTP/2 (RFC 8441): requests it, and checks that the upstream echoes what the client sent. */

import { checkContent, contentOf } from "../content.ts";
import { toTunnelSize, toUpgradeEnd } from "../echo.ts";
import type { Observed } from "../observed.ts";
import type { StreamPerformance } from "./manners.ts";
import { readStream } from "./observe.ts";
import { openWebSocket } from "./request.ts";

/** Opens a tunnel and uses it until it ends. */
export async function useTunnel(performance: StreamPerformance): Promise<Observed> {
  const { exchange, random } = performance;
  const { plan } = exchange;
  const total = toTunnelSize(plan);
  const check = checkContent(plan.id, total);
  const { stream, cancel } = openWebSocket(performance, plan);
  const onTunnelBytes = (piece: Buffer): void => {
    check.take(piece);
    if (check.count() === total) stream.end();
  };
  const reading = readStream(stream, { ...performance, onTunnelBytes });
  const status = await reading.status;
  if (status !== 200) {
    stream.end();
    return reading.observed;
  }
  if (random.chance(0.15)) {
    reading.leave();
    cancel();
    return reading.observed;
  }
  const content = contentOf(plan.id, total);
  const middle = random.below(content.length);
  stream.write(content.subarray(0, middle));
  stream.write(content.subarray(middle));
  const observed = await reading.observed;
  const fault = check.fault();
  if (fault !== undefined) return { kind: "foul", fault };
  if (observed.kind !== "answer") return observed;
  if (check.isComplete())
    return toUpgradeEnd(plan.salt) === "served"
      ? observed
      : { kind: "foul", fault: "more out of a tunnel than went into it" };
  // A unix socket has no reset: its end looks like that of a tunnel that is over.
  if (plan.road === "unix") return { kind: "broken" };
  return { kind: "foul", fault: `a tunnel that ended in order after ${check.count()} bytes` };
}
