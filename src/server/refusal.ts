/** Why the server refuses a request itself, before its handler sees it. */

import { ProxyError } from "../http/errors.ts";
import type { RequestHead } from "../http/wire/request-head.ts";
import { toTooManyClients } from "./admission.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "./client-connection.ts";

/** Admits the connection of a request (admission.ts), or returns why the request is refused. */
export type RefusalCheck = (
  request: RequestHead,
  connection: ClientConnection,
) => ProxyError | undefined;

/** Creates the check for the requests of one connection, of any version of HTTP. The first reason decides. */
export function createRefusalCheck(
  { transport, refusal }: Pick<AcceptedConnection, "transport" | "refusal">,
  { handler, admit, limits }: ServerContext,
): RefusalCheck {
  /** It was checked that the connection comes from another process and not from headgate itself. */
  let isForeign = false;
  return ({ method }, connection) => {
    if (refusal !== undefined) return refusal;
    // Not checked when the connection was accepted, because the connecting side learns its own port later.
    isForeign ||= handler.isOwn?.(transport) !== true;
    if (!isForeign) return new ProxyError("proxy_loop_detected");
    // Checked as late as possible: another connection may have ended since the client connected.
    if (!admit(connection)) return toTooManyClients(limits().connections);
    return method === "CONNECT" ? new ProxyError("connect_not_served") : undefined;
  };
}
