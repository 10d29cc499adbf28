/** The upstream's answer to a request for an upgrade, and the interim ones before it. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { ProxyError } from "../../http/errors.ts";
import {
  type AnswerHead,
  isAgreedProtocol,
  serializeHead,
  toInterimFields,
} from "../../http/upgrade.ts";
import type { TunnelRequest } from "../tunnel.ts";
import type { Asked } from "./asking.ts";
import { startTimer } from "./timer.ts";

/** The upstream's answer: a socket that speaks the new protocol from now on, or an ordinary answer. */
export type Switched = {
  readonly incoming: IncomingMessage;
  readonly upstream: Duplex;
  join(): void;
};
export type Refused = { readonly incoming: IncomingMessage; readonly upstream: undefined };

/** Waits for a 101 or a refusal; other 1xx are passed on. Rejects with whatever came instead, or when a time is up. */
export async function waitForAnswer(
  { outgoing, join }: Asked,
  request: TunnelRequest,
): Promise<Switched | Refused> {
  const { upstream, client, token } = request;
  const fail = (
    code: "connection_timeout" | "http_response_timeout" | "http_upgrade_failed",
  ): void => {
    outgoing.destroy(new ProxyError(code));
  };
  const connecting = startTimer(upstream.connectTimeout, () => fail("connection_timeout"));
  const answering = startTimer(request.upgradeMs, () => fail("http_response_timeout"));
  const connected = upstream.url.protocol === "https:" ? "secureConnect" : "connect";
  outgoing.once("socket", (socket) => void socket.once(connected, () => clearTimeout(connecting)));
  outgoing.on("information", ({ statusCode: status, statusMessage: reason, rawHeaders }) => {
    // RFC 9110 §15.2: a proxy forwards them. They are optional all the same, and a flood must not pile up in memory.
    if (!client.writableNeedDrain)
      writeHead(client, { status, reason, rawFields: toInterimFields(rawHeaders) });
  });
  try {
    return await new Promise((resolve, reject) => {
      outgoing.on("error", reject);
      outgoing.once("response", (incoming) => {
        // A 101 that does not say what it switches to is an ordinary answer for Node.
        if (incoming.statusCode === 101) fail("http_upgrade_failed");
        else resolve({ incoming, upstream: undefined });
      });
      outgoing.once("upgrade", (incoming, socket, head) => {
        socket.on("error", () => undefined);
        if (isAgreedProtocol(token, incoming.rawHeaders)) {
          return resolve({ incoming, upstream: socket, join: () => join(incoming, socket, head) });
        }
        socket.destroy();
        return reject(new ProxyError("http_upgrade_failed"));
      });
    });
  } finally {
    clearTimeout(connecting);
    clearTimeout(answering);
  }
}

/** Fields are latin1 in Node: written as UTF-8, a byte above 127 would become two. */
export function writeHead(client: Duplex, head: AnswerHead): void {
  client.write(serializeHead(head), "latin1");
}
