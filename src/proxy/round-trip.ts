/** The upstream side of one exchange. */

import type { ProxyError } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamResponse } from "../upstream/call.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/**
 * The requests of one exchange, one after another; a HEAD may need several. Creating it sends nothing. It is a class because each exchange
 * creates one, and its constructor sets every field because that is cheaper than to add fields later.
 */
export class RoundTrip {
  private readonly exchange: Exchange;
  private readonly pool: ConnectionPool;
  private call: UpstreamCall | undefined;
  private aborted: ProxyError | undefined;
  private leave: ((error: ProxyError) => void) | undefined;

  constructor(exchange: Exchange, pool: ConnectionPool) {
    this.exchange = exchange;
    this.pool = pool;
    this.call = undefined;
    this.aborted = undefined;
    this.leave = undefined;
  }

  /** Sends a request. Rejects with a ProxyError. After `abort` it throws the error of `abort`. */
  send(request: UpstreamRequest): Promise<UpstreamResponse> {
    this.recordCall(); // the previous request
    if (this.aborted !== undefined) throw this.aborted;
    this.exchange.upstreamMethod = request.method;
    this.call = this.pool.send(request);
    return this.call.response;
  }

  /** Cancels the request in flight and prevents further ones. Does nothing if the request is over. */
  abort(error: ProxyError): void {
    this.aborted ??= error;
    this.call?.cancel(error);
  }

  /** Sets what a client's disconnect calls instead of `abort`, because other clients may wait for the response; undefined: `abort`. */
  setLeave(leave: ((error: ProxyError) => void) | undefined): void {
    this.leave = leave;
  }

  /** To be called when the client has left. */
  onClientGone(error: ProxyError): void {
    if (this.leave === undefined) this.abort(error);
    else this.leave(error);
  }

  /** Records in the exchange when its first request was sent, and how often the last one was sent again. */
  recordCall(): void {
    const { call, exchange } = this;
    if (call === undefined) return;
    exchange.sentMs ??= call.sentMs();
    exchange.retries += call.retries();
    this.call = undefined;
  }
}
