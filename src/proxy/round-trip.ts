/** The upstream side of one exchange. */

import type { ProxyError } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamResponse } from "../upstream/call.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/** What an exchange asks of the upstream: one request after another, a HEAD perhaps several. Nothing is sent yet. */
export class RoundTrip {
  private readonly exchange: Exchange;
  private call: UpstreamCall | undefined;
  private aborted: ProxyError | undefined;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.call = undefined;
    this.aborted = undefined;
  }

  /** Sends a request. Rejects with a ProxyError; throws that of `abort` where it was aborted before. */
  send(pool: ConnectionPool, request: UpstreamRequest): Promise<UpstreamResponse> {
    this.settle();
    if (this.aborted !== undefined) throw this.aborted;
    this.exchange.upstreamMethod = request.method;
    this.call = pool.send(request);
    return this.call.response;
  }

  /** Ends what is under way, and whatever would be sent next; harmless once it is over. */
  abort(error: ProxyError): void {
    this.aborted ??= error;
    this.call?.cancel(error);
  }

  /** Writes into the exchange when it was sent first, and how often again. */
  settle(): void {
    const { call, exchange } = this;
    if (call === undefined) return;
    exchange.sentMs ??= call.sentMs();
    exchange.retries += call.retries();
    this.call = undefined;
  }
}
