/** Tunnels: a client and an upstream that have switched protocols, with their idle limit and their end. */

import type { Duplex } from "node:stream";

import { ProxyError, toProxyError } from "../http/errors.ts";
import type { SwitchedClient } from "../server/server-handler.ts";
import type { SwitchedSocket } from "../upstream/switched-socket.ts";
import { type Join, UpgradedStream, loadJoin } from "./tunnel-join.ts";
import { createTunnelIdle } from "./tunnel-idle.ts";

/** The two sides after a 101. */
export interface TunnelSides {
  /** Its 101 is written, and it no longer speaks HTTP. */
  readonly client: SwitchedClient;
  readonly upstream: SwitchedSocket;
  /** How long the tunnel may be idle, in milliseconds: no side sends or takes a byte; 0 = no limit. */
  readonly idleMs: number;
}

/** All tunnels of one process. */
export interface Tunnels {
  /**
   * Reserves a tunnel before headgate requests it, and returns the function that releases it. Throws a ProxyError (503) if `max` tunnels
   * are reserved.
   */
  reserve(max: number): () => void;
  /** Joins two sides. Resolves when both are closed, with the error of the side that broke, if one did. Never rejects. */
  run(sides: TunnelSides): Promise<ProxyError | undefined>;
  /** The number of open tunnels. */
  count(): number;
  /** Closes all tunnels now. */
  closeAll(): void;
}

/** Creates the one owner of all tunnels. */
export function createTunnels(): Tunnels {
  /** The functions that close each open tunnel. */
  const open = new Set<() => void>();
  let reserved = 0;
  let join: Promise<Join> | undefined;
  return {
    reserve(max) {
      if (reserved >= max) throw new ProxyError("too_many_tunnels");
      reserved += 1;
      return () => void (reserved -= 1);
    },
    run(sides) {
      // http-proxy is loaded at the first upgrade: most services never see one, and loading takes a twentieth of the start.
      join ??= loadJoin();
      return runTunnel(join, sides, open);
    },
    count: () => open.size,
    closeAll() {
      for (const close of open) close();
    },
  };
}

async function runTunnel(
  loading: Promise<Join>,
  { client: switchedClient, upstream: switchedSocket, idleMs }: TunnelSides,
  open: Set<() => void>,
): Promise<ProxyError | undefined> {
  const client = switchedClient.stream;
  const upstream = new UpgradedStream(switchedSocket);
  let isOver = false;
  let error: ProxyError | undefined;
  const finish = (broken?: ProxyError): void => {
    if (!isOver) error = broken;
    isOver = true;
    if (broken === undefined) {
      client.destroy();
      upstream.destroy();
    } else {
      switchedClient.reset();
      upstream.reset();
    }
  };
  const close = (): void => finish();
  open.add(close);
  // Before http-proxy is loaded: the client may end meanwhile, and a stream refuses `unshift` after its end.
  client.unshift(switchedClient.early);
  const unacknowledged = () => [switchedClient.unacknowledged(), switchedSocket.unacknowledged()];
  const idle = createTunnelIdle(idleMs, unacknowledged, close);
  const onClientLost = (cause?: unknown): void => finish(toBroken("tunnel_client_gone", cause));
  switchedClient.onReset(onClientLost);
  const bothClosed = Promise.all([
    watch(client, onClientLost),
    watch(upstream, (cause) => finish(toBroken("tunnel_upstream_gone", cause))),
  ]);
  try {
    const join = await loading;
    if (!isOver) {
      join(client, upstream);
      for (const one of [client, upstream]) one.on("data", idle.onMoved).on("drain", idle.onMoved);
    }
    await bothClosed;
  } catch (cause) {
    finish(toProxyError(cause));
    await bothClosed;
  } finally {
    idle.stop();
    open.delete(close);
  }
  return error;
}

function toBroken(name: "tunnel_client_gone" | "tunnel_upstream_gone", error: unknown): ProxyError {
  return new ProxyError(name, { cause: error instanceof ProxyError ? error.cause : error });
}

/** Resolves when a side is closed. Calls `lost` unless both of its directions had ended before. */
function watch(side: Duplex, lost: (cause: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    const onClose = (): void => {
      if (!side.readableEnded || !side.writableFinished) lost(undefined);
      resolve();
    };
    if (side.closed) return onClose();
    // This must run before http-proxy's own listener, which ends the other side: that side could then no longer be reset.
    side.prependListener("error", lost);
    side.once("close", onClose);
  });
}
