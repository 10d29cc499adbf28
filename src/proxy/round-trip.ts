/** The upstream side of one exchange. */

import type { ProxyError } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamResponse } from "../upstream/call.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/** What an exchange asks of the upstream: one request after another, a HEAD perhaps several. */
export interface RoundTrip {
  /** Sends a request. Rejects with a ProxyError; throws that of `abort` where it was aborted before. */
  send(pool: ConnectionPool, request: UpstreamRequest): Promise<UpstreamResponse>;
  /** Ends what is under way, and whatever would be sent next; harmless once it is over. */
  abort(error: ProxyError): void;
  /** Writes into the exchange when it was sent first, and how often again. */
  settle(): void;
}

/** Begins the upstream side of an exchange; nothing is sent yet. */
export function createRoundTrip(exchange: Exchange): RoundTrip {
  let call: UpstreamCall | undefined;
  let aborted: ProxyError | undefined;
  return {
    send(pool, request) {
      settle();
      if (aborted !== undefined) throw aborted;
      exchange.upstreamMethod = request.method;
      call = pool.send(request);
      return call.response;
    },
    abort(error) {
      aborted ??= error;
      call?.cancel(error);
    },
    settle,
  };

  function settle(): void {
    if (call === undefined) return;
    exchange.sentMs ??= call.sentMs();
    exchange.retries += call.retries();
    call = undefined;
  }
}
