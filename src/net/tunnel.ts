/** Protocol upgrades: the request that asks for one, and the tunnel after the 101. Its parts stand in `tunnel/`. */

import type { Duplex, Readable } from "node:stream";

import type { UpstreamConfig } from "../config/schema.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { shuttingDown } from "../http/refusal.ts";
import type { AnswerHead } from "../http/upgrade.ts";
import { waitForAnswer } from "./tunnel/answer.ts";
import { type Send, loadSend } from "./tunnel/asking.ts";
import { holdClient } from "./tunnel/held-client.ts";
import { onAbort } from "./tunnel/life.ts";
import { relayRefusal } from "./tunnel/refusal.ts";
import { runSwitched } from "./tunnel/switched.ts";

/** An answer other than 101, whole. `body` has to be read or destroyed; it fails when the upstream breaks off. */
export interface RefusedUpgrade extends AnswerHead {
  readonly body: Readable;
  /** Name, value, name, value, …; complete once the body has ended. */
  rawTrailers(): readonly string[];
}

/** One request for an upgrade. Times are milliseconds. */
export interface TunnelRequest {
  /** The client's socket, taken off HTTP and paused. */
  readonly client: Duplex;
  /** What had been read behind the request's header section. */
  readonly early: Buffer;
  readonly method: string;
  /** Goes out byte for byte. */
  readonly target: string;
  /** End-to-end fields for the upstream, Host included: name, value, name, value, … */
  readonly fields: readonly string[];
  /** The client's Upgrade field. */
  readonly token: string;
  readonly upstream: UpstreamConfig;
  /** Until the upstream's answer to the upgrade. */
  readonly upgradeMs: number;
  /** How long a tunnel may carry no byte in either direction; 0 = for ever. */
  readonly idleMs: number;
  /** The 101 is on its way to the client. */
  onSwitched(head: AnswerHead): void;
  /** Relays an answer other than 101 to the client's socket; resolves once it is written, rejects if it broke. */
  refuse(answer: RefusedUpgrade): Promise<void>;
}

/** What became of an upgrade that got an answer. Bytes are those of the new protocol. */
export interface TunnelEnd {
  readonly switched: boolean;
  /** `closed`: both sides were done, or the refusal was relayed whole. */
  readonly reason: "closed" | "broken" | "idle" | "shutdown";
  /** Set if broken; its code tells by whom. */
  readonly error: ProxyError | undefined;
  readonly bytesFromClient: number;
  readonly bytesFromUpstream: number;
}

/** All upgrades of one process. */
export interface Tunnels {
  /**
   * Asks the upstream and stays until everything is over. Rejects with a ProxyError if there was no answer to relay; then
   * the client's socket is left to the caller, read and discarded, so that an error answer can be written to it.
   */
  open(request: TunnelRequest): Promise<TunnelEnd>;
  /** Upgrades being asked for and tunnels open. */
  count(): number;
  /** Ends them all at once. */
  closeAll(): void;
}

/** Makes the one owner of all tunnels. */
export function createTunnels(): Tunnels {
  const running = new Set<AbortController>();
  let send: Promise<Send> | undefined;
  return {
    async open(request) {
      const life = new AbortController();
      running.add(life);
      try {
        return await runTunnel(await (send ??= loadSend()), request, life);
      } catch (error) {
        throw toProxyError(error);
      } finally {
        running.delete(life);
      }
    },
    count: () => running.size,
    closeAll() {
      const error = shuttingDown();
      for (const life of running) life.abort(error);
    },
  };
}

/** The story of one upgrade. Aborting `life` ends it at any moment; the reason is its error while there is no answer. */
async function runTunnel(
  send: Send,
  request: TunnelRequest,
  life: AbortController,
): Promise<TunnelEnd> {
  const held = holdClient(request, life);
  try {
    life.signal.throwIfAborted();
    const asked = send(request);
    onAbort(life, (reason) => asked.outgoing.destroy(reason));
    const answer = await waitForAnswer(asked, request);
    if (answer.upstream === undefined) {
      held.discard();
      return await relayRefusal(request, answer.incoming, life);
    }
    // The answer and an end may have come in one turn of the event loop.
    if (life.signal.aborted || answer.upstream.destroyed) {
      answer.upstream.destroy();
      life.signal.throwIfAborted();
      throw new ProxyError("connection_terminated");
    }
    return await runSwitched(request, answer, held, life);
  } catch (error) {
    life.abort(error);
    held.discard();
    if (error instanceof ProxyError && error.code === "client_gone") request.client.destroy();
    throw error;
  }
}
