/**
 * Handles one request from its header section to its log line. This file has only the sequence; each step has a file of its own: plan.ts
 * decides, head.ts responds to a HEAD, upgrade.ts to an upgrade, forward.ts to all other requests.
 */

import { type ProxyError, toProxyError } from "../http/errors.ts";
import { type Exchange, beginExchange } from "../http/exchange.ts";
import { checkRequest } from "../http/request.ts";
import type { ServerRequest, ServerResponse } from "../server/server-handler.ts";
import type { ExchangeContext, ProxySnapshot } from "./context.ts";
import { endExchange, failExchange } from "./exchange-end.ts";
import { forward } from "./forward.ts";
import { respondToHead } from "./head.ts";
import { type LocalPlan, type Plan, planRequest } from "./plan.ts";
import { respondLocally } from "./relay.ts";
import { RoundTrip } from "./round-trip.ts";
import type { Tunnels } from "./tunnel.ts";
import { respondToUpgrade } from "./upgrade.ts";

/** What the handler needs from the other parts of the app. */
export interface HandlerParts {
  snapshot(): ProxySnapshot;
  createId(): string;
  observe(exchange: Exchange): void;
  readonly tunnels: Tunnels;
}

/** Handles requests. */
export interface Handler {
  /** Handles one request; it never rejects, and `observe` is called once for each. */
  handle(request: ServerRequest, response: ServerResponse): Promise<void>;
  /** The number of exchanges with an upstream that are not over. */
  inProgress(): number;
  /** Resolves when none is in progress. An exchange may outlive its client's connection: a HEAD that is drained, or a tunnel that writes. */
  settled(): Promise<void>;
}

/** Creates the handler of all requests. */
export function createHandler(parts: HandlerParts): Handler {
  // A number, because a set of objects costs an eighth of an exchange.
  let inProgress = 0;
  let onSettled: (() => void) | undefined;

  return {
    handle,
    inProgress: () => inProgress,
    settled: () =>
      new Promise((resolve) => {
        onSettled = resolve;
        if (inProgress === 0) resolve();
      }),
  };

  async function handle(request: ServerRequest, response: ServerResponse): Promise<void> {
    // Begin: a client that leaves is noticed from here on.
    const exchange = beginExchange(request, parts.createId(), performance.now());
    let roundTrip: RoundTrip | undefined;
    /** Why the client can get no more of the response. `exchange.error` keeps the first error, which may be another one. */
    let gone: ProxyError | undefined;
    response.onGone((error: ProxyError) => {
      gone = error;
      exchange.error ??= error;
      roundTrip?.onClientGone(exchange.error);
    });
    const over = new Promise<void>((resolve) => response.onOver(resolve)); // complete, or the client has left
    try {
      // Plan: nothing is sent before it.
      const snapshot = parts.snapshot();
      const checked = checkRequest(request, snapshot.maxFields);
      const route = (exchange.route = snapshot.match(checked.host, checked.path));
      const peer = snapshot.toPeer?.(request.peer);
      const plan = planRequest(request, checked, route, peer);
      // After an upgrade request, every response other than a 101 closes the connection, headgate's own included. Bytes behind the request
      // may belong to the requested protocol, and must not be parsed as further requests.
      if (plan.upgrade !== undefined) response.keepAlive = false;
      if (plan.kind === "local") {
        respondLocally(plan.response, response);
        return;
      }
      // Carry out: with the upstream, unless the plan is to reject the HEAD.
      const upstream = snapshot.upstream(route.upstream);
      roundTrip = new RoundTrip(exchange, upstream.pool);
      inProgress += 1;
      const context: ExchangeContext = {
        exchange,
        request,
        response,
        checked,
        route,
        snapshot,
        peer,
        upstream,
        roundTrip,
      };
      const responding = carryOut(plan, context, parts.tunnels);
      if (responding !== undefined) await responding; // a stored response is written at once
    } catch (error) {
      exchange.error ??= toProxyError(error);
      roundTrip?.abort(exchange.error);
      failExchange(exchange, exchange.error, response);
    } finally {
      // End: always, and once.
      await over;
      roundTrip?.recordCall();
      endExchange(exchange, response, gone);
      parts.observe(exchange);
      if (roundTrip !== undefined && (inProgress -= 1) === 0) onSettled?.();
    }
  }
}

/** Carries out a plan. Returns undefined if it has responded at once. Rejects with a ProxyError if there is no response. */
function carryOut(
  plan: Exclude<Plan, LocalPlan>,
  context: ExchangeContext,
  tunnels: Tunnels,
): Promise<void> | undefined {
  switch (plan.kind) {
    case "head":
      return respondToHead(context, plan);
    case "upgrade":
      return respondToUpgrade(context, plan, tunnels);
    case "forward":
      return forward(context, plan.fields);
  }
}
