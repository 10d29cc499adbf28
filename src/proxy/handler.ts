/**
 * The story of one request, in order. head.ts tells the part of a HEAD, upgrade.ts that of an upgrade, forward.ts that of all others.
 * Every step lives in a file of its own; this one tells only the sequence.
 */

import { type ProxyError, toProxyError } from "../http/errors.ts";
import { type Exchange, beginExchange } from "../http/exchange.ts";
import { checkRequest } from "../http/request.ts";
import type { ServerRequest, ServerResponse } from "../server/exchange.ts";
import type { Snapshot } from "./context.ts";
import { endExchange, failExchange } from "./ending.ts";
import { forward } from "./forward.ts";
import { respondToHead } from "./head.ts";
import { type LocalPlan, type Plan, planRequest } from "./plan.ts";
import { respondLocally } from "./relay.ts";
import { type ExchangeContext, RoundTrip } from "./round-trip.ts";
import { respondShared } from "./shared-head.ts";
import type { Tunnels } from "./tunnel.ts";
import { respondToUpgrade } from "./upgrade.ts";
import { toOutgoing } from "./upstream-request.ts";

/** What the story needs from the rest of the house. */
export interface HandlerParts {
  snapshot(): Snapshot;
  createId(): string;
  observe(exchange: Exchange): void;
  readonly tunnels: Tunnels;
}

/** Handles requests. */
export interface Handler {
  /** Handles one request; it never rejects, and `observe` is called once for each. */
  handle(request: ServerRequest, response: ServerResponse): Promise<void>;
  /** The number of exchanges that go to an upstream and are not over. */
  inProgress(): number;
  /** Resolves when none is in progress. A HEAD may go on after its client's connection, and so may what a tunnel still has to write. */
  settled(): Promise<void>;
  /** Aborts all that is in progress. */
  abort(error: ProxyError): void;
}

/** Creates the handler of all requests. */
export function createHandler(parts: HandlerParts): Handler {
  const inProgress = new Set<RoundTrip>();
  let onSettled: (() => void) | undefined;

  return {
    handle,
    inProgress: () => inProgress.size,
    settled: () =>
      new Promise((resolve) => {
        onSettled = resolve;
        if (inProgress.size === 0) resolve();
      }),
    abort(error) {
      for (const roundTrip of inProgress) roundTrip.abort(error);
    },
  };

  async function handle(request: ServerRequest, response: ServerResponse): Promise<void> {
    const exchange = beginExchange(request, parts.createId(), performance.now());
    let roundTrip: RoundTrip | undefined;
    let gone: ProxyError | undefined;
    response.onGone((error: ProxyError) => {
      gone = error;
      exchange.error ??= error;
      roundTrip?.onClientGone(exchange.error);
    });
    const over = new Promise<void>((resolve) => response.onOver(resolve)); // complete, or the client has left
    try {
      const snapshot = parts.snapshot();
      const checked = checkRequest(request, snapshot.maxFields);
      const route = (exchange.route = snapshot.match(checked.host, checked.path));
      const plan = planRequest(request, checked, route);
      // Any response but a 101 then ends the connection, headgate's own included. What comes behind the request, now or later, may
      // belong to the protocol that was asked for, and must not be parsed as further requests.
      if (plan.upgrade !== undefined) response.keepAlive = false;
      if (plan.kind === "local") {
        respondLocally(plan.response, response);
        return;
      }
      const incoming = { exchange, request, response, checked, route, snapshot };
      roundTrip = new RoundTrip(toOutgoing(incoming));
      inProgress.add(roundTrip);
      const sent = sendUpstream(plan, { ...incoming, roundTrip }, parts.tunnels);
      if (sent !== undefined) await sent; // a stored response is written at once
    } catch (error) {
      exchange.error ??= toProxyError(error);
      roundTrip?.abort(exchange.error);
      failExchange(exchange, exchange.error, response);
    } finally {
      await over;
      roundTrip?.settle();
      endExchange(exchange, response, gone);
      parts.observe(exchange);
      if (roundTrip !== undefined && inProgress.delete(roundTrip) && inProgress.size === 0)
        onSettled?.();
    }
  }
}

/** Returns undefined if the response was written at once. Rejects with a ProxyError if there is none to write. */
function sendUpstream(
  plan: Exclude<Plan, LocalPlan>,
  context: ExchangeContext,
  tunnels: Tunnels,
): Promise<void> | undefined {
  switch (plan.kind) {
    case "head":
      return context.route.head.share === 0
        ? respondToHead(context, plan.head)
        : respondShared(context, plan.head);
    case "upgrade":
      return respondToUpgrade(context, plan, tunnels);
    case "forward":
      return forward(context, plan.fields);
  }
}
