/** The upstream side of one exchange. */

import type { ProxyError } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamResponse } from "../upstream/call.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/** The requests of one exchange, one after another; a HEAD may need several. Creating it sends nothing. */
export class RoundTrip {
  private readonly exchange: Exchange;
  private call: UpstreamCall | undefined;
  private aborted: ProxyError | undefined;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.call = undefined;
    this.aborted = undefined;
  }

  /** Sends a request. Rejects with a ProxyError. After `abort` it throws the error of `abort`. */
  send(pool: ConnectionPool, request: UpstreamRequest): Promise<UpstreamResponse> {
    this.settle();
    if (this.aborted !== undefined) throw this.aborted;
    this.exchange.upstreamMethod = request.method;
    this.call = pool.send(request);
    return this.call.response;
  }

  /** Cancels the request in flight and prevents further ones. Does nothing to a request that is over. */
  abort(error: ProxyError): void {
    this.aborted ??= error;
    this.call?.cancel(error);
  }

  /** Records in the exchange when its first request was sent, and how often the last one was sent again. */
  settle(): void {
    const { call, exchange } = this;
    if (call === undefined) return;
    exchange.sentMs ??= call.sentMs();
    exchange.retries += call.retries();
    this.call = undefined;
  }
}
