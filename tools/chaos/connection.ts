/** A client's connection of HTTP/1.1: sends requests one after another or several in one write, in every manner. */

import type { ClientConnection, Desk } from "./desk.ts";
import { isHarmless } from "./faults.ts";
import type { Exchange } from "./ledger.ts";
import { PERFORMANCES } from "./manners.ts";
import { observeResponse } from "./observe.ts";
import type { Observed } from "./observed.ts";
import { MANNERS } from "./plan.ts";
import { toBytes } from "./request.ts";
import type { Sockets } from "./sockets.ts";
import { type ChaosWire, toChaosWire } from "./wire.ts";

/** Begins HTTP/1.1 on a connection. */
export function beginConnection(sockets: Sockets): ClientConnection {
  const wire = toChaosWire(sockets);
  return {
    use: (desk) => useConnection(wire, desk),
    close: () => void sockets.socket.destroy(),
  };
}

async function useConnection(wire: ChaosWire, desk: Desk): Promise<void> {
  const { random, isOver } = desk;
  for (let left = 1 + random.below(40); left > 0 && !isOver(); left -= 1) {
    const manner = random.weighted(MANNERS);
    if (manner !== "plain") {
      const exchange = desk.begin(manner);
      const observed = await PERFORMANCES[manner]({ wire, exchange, random });
      desk.settle(exchange, observed);
      if (!isReusable(exchange, observed)) return;
    } else if (!(await performBatch(wire, desk))) return;
  }
}

/** Sends several requests in one write and reads their responses in order. Resolves with whether the connection is still usable. */
async function performBatch(wire: ChaosWire, desk: Desk): Promise<boolean> {
  const { random } = desk;
  const size = random.chance(0.6) ? 1 : 2 + random.below(5);
  const exchanges = Array.from({ length: size }, () => desk.begin("plain"));
  wire.socket.write(Buffer.concat(exchanges.map(({ plan }) => toBytes(plan))));
  let isAlive = true;
  let isCutShort = false;
  for (const exchange of exchanges) {
    const observed: Observed = isAlive
      ? await observeResponse(wire, exchange)
      : { kind: "unanswered" };
    desk.settle(exchange, observed, { isCutShort });
    isAlive &&= isReusable(exchange, observed);
    // An early or failed response may close the connection before the requests after it get a response.
    isCutShort ||= !isAlive || !isHarmless(exchange.plan.fault) || exchange.plan.road === "hung";
  }
  return isAlive;
}

function isReusable({ plan }: Exchange, observed: Observed): boolean {
  return observed.kind === "answer" && !observed.closes && plan.fault !== "upgrade";
}
