/** Why a message is refused before anybody made an exchange of it, or its exchange is not brought to its end. */

import { ProxyError } from "./errors.ts";

/** A header section that did not come in time. */
export function tooSlow(headerMs: number): ProxyError {
  return new ProxyError("http_request_error", {
    status: 408,
    title: "The request's header section did not come in time",
    cause: new Error(`timeouts.header is ${headerMs} ms`),
  });
}

/** A connection beyond those that may be served. */
export function tooManyConnections(maxConnections: number): ProxyError {
  return new ProxyError("connection_limit_reached", {
    title: "Too many connections",
    cause: new Error(`limits.connections is ${maxConnections}`),
  });
}

/** A request of headgate's own. */
export function proxyLoop(): ProxyError {
  return new ProxyError("proxy_loop_detected");
}

/** A request for a tunnel to another host: this is no forward proxy (RFC 9110 §9.3.6). */
export function connectNotServed(): ProxyError {
  return new ProxyError("http_request_error", {
    status: 501,
    title: "CONNECT is not served here",
  });
}

/** What was under way when the time to end it was over. */
export function shuttingDown(): ProxyError {
  return new ProxyError("shutting_down");
}
