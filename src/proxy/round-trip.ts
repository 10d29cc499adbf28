/** The upstream side of one exchange. */

import type { ProxyError } from "../http/errors.ts";
import type { UpstreamCall, UpstreamResponse } from "../upstream/call.ts";
import type { RequestContent } from "../upstream/connection.ts";
import type { Incoming } from "./context.ts";
import {
  type UpstreamContext,
  type OutgoingRequest,
  openContent,
  toUpstreamContext,
  toUpstreamRequest,
} from "./upstream-request.ts";

/** The requests of one exchange, one after another; a HEAD may need several. Creating it sends nothing. */
export class RoundTrip {
  private readonly context: UpstreamContext;
  private call: UpstreamCall | undefined;
  private aborted: ProxyError | undefined;
  private leave: ((error: ProxyError) => void) | undefined;

  constructor(incoming: Incoming) {
    this.context = toUpstreamContext(incoming);
    this.call = undefined;
    this.aborted = undefined;
    this.leave = undefined;
  }

  /** Sends a request. Rejects with a ProxyError. After `abort` it throws the error of `abort`. */
  send(request: OutgoingRequest): Promise<UpstreamResponse> {
    this.recordCall(); // the previous request
    if (this.aborted !== undefined) throw this.aborted;
    const { incoming, pool } = this.context;
    incoming.exchange.upstreamMethod = request.method;
    this.call = pool.send(toUpstreamRequest(request, this.context));
    return this.call.response;
  }

  /** Opens the content of the client's request, for one `send`; undefined if it has none. */
  openContent(): RequestContent | undefined {
    return openContent(this.context);
  }

  /** Whether a login was seen on the client's connection, which then has an upstream connection of its own. */
  hasLogin(): boolean {
    return this.context.pool.hasLogin(this.context.incoming.request.peer);
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
    const { call, context } = this;
    if (call === undefined) return;
    const { exchange } = context.incoming;
    exchange.sentMs ??= call.sentMs();
    exchange.retries += call.retries();
    this.call = undefined;
  }
}

/** What the steps of one exchange share once it has an upstream. */
export interface ExchangeContext extends Incoming {
  readonly roundTrip: RoundTrip;
}
