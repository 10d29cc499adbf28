/** Builds headgate from its real parts, over sockets in memory. */

import { resolveConfig } from "../../src/config/resolve.ts";
import type { Config } from "../../src/config/types.ts";
import { parseRawConfig } from "../../src/config/schema/file.ts";
import {
  type Snapshot,
  type CompiledUpstream,
  compile,
  closeSnapshot,
} from "../../src/snapshot.ts";
import { type Exchange, beginExchange, toRequestId } from "../../src/http/exchange.ts";
import { findField } from "../../src/http/fields.ts";
import type { ServerLimits } from "../../src/server/server-handler.ts";
import { createServer } from "../../src/server/server.ts";
import { shutDown } from "../../src/proxy/shutdown.ts";
import { createHandler } from "../../src/proxy/handler.ts";
import { type Tunnels, createTunnels } from "../../src/proxy/tunnel.ts";
import type { Connect } from "../../src/upstream/socket.ts";
import {
  type UpstreamResources,
  createUpstreamResources,
} from "../../src/upstream/upstream-pool.ts";
import { names } from "./dns.ts";
import { toConnectionTable } from "./handle.ts";
import type { Ledger } from "./ledger.ts";
import { loop } from "./loop.ts";
import type { Settings } from "./schedule.ts";

/** An upstream connection that headgate's pool opened. */
export interface Opened {
  readonly openedMs: number;
  isConnected: boolean;
}

/** headgate in one run. */
export interface Subject {
  readonly opened: ReadonlySet<Opened>;
  readonly tunnels: Tunnels;
  /** The connections that the pools report, in total. */
  poolCounts(): { readonly idle: number; readonly active: number };
  /** Exchanges that have begun and not ended. */
  unsettled(): number;
  busy(): number;
  clientConnections(): number;
  reload(change: Partial<Settings>): void;
  stop(): void;
  isStopped(): boolean;
}

const GRACE_MS = 400;

/** The part that all configurations share. */
const BASE = toBase();

function toBase(): Config {
  const { raw } = parseRawConfig({
    admin: "off",
    upstream: "http://192.0.2.1:80",
    requestId: "forward",
    forwarded: "off",
  });
  if (raw?.upstream === undefined) throw new Error("the configuration is wrong");
  const config = resolveConfig({ ...raw, upstream: raw.upstream }, new Map());
  return { ...config, isAdminDefault: false };
}

/** Starts headgate. */
export function createSubject(settings: Settings, isNamed: boolean, ledger: Ledger): Subject {
  const opened = new Set<Opened>();
  const resources = track(
    createUpstreamResources({ collectGarbage: () => undefined, readSystemFile }),
    opened,
  );
  const tunnels = createTunnels();
  const upstreams = new Set<CompiledUpstream>();
  let ids = 0;
  let unsettled = 0;
  let isStopped = false;
  let snapshot = take(compile(toConfig(settings, isNamed), resources));
  const createId = (): string => `g${(ids += 1)}`;
  const handler = createHandler({
    snapshot: () => snapshot,
    createId,
    observe: (exchange) => ledger.noteObserved(idOf(exchange), exchange),
    tunnels,
  });
  const server = createServer(
    {
      onRequest(request, response) {
        ledger.noteBegun(idOf(request));
        unsettled += 1;
        handler.handle(request, response).then(
          () => (unsettled -= 1),
          (error: unknown) => ledger.fail(`the handler has rejected: ${String(error)}`),
        );
      },
      onRefused(error, received) {
        ledger.count(`refused ${error.status}`);
        return toRequestId(beginExchange(received, createId(), performance.now()));
      },
    },
    toLimits(settings),
  );

  void server.listen({ kind: "tcp", host: "127.0.0.1", port: 80 });

  return {
    opened,
    tunnels,
    poolCounts() {
      let idle = 0;
      let active = 0;
      for (const { pool } of upstreams) {
        const counts = pool.connections();
        idle += counts.idle;
        active += counts.active;
      }
      return { idle, active };
    },
    unsettled: () => unsettled,
    busy: server.inFlight,
    clientConnections: server.connections,
    reload(change) {
      if (ledger.isStopping) return;
      const next = { ...settings, ...change };
      const previous = snapshot;
      snapshot = take(compile(toConfig(next, isNamed), resources, previous));
      server.configure(toLimits(next));
      closeSnapshot(previous, snapshot);
    },
    stop() {
      if (ledger.isStopping) return;
      ledger.isStopping = true;
      server.drain();
      void shutDown({ server, handler, tunnels, upstreams: resources }, GRACE_MS).then(() => {
        if (unsettled > 0) ledger.fail("headgate stops before its exchanges are over");
        closeSnapshot(snapshot);
        resources.close();
        isStopped = true;
      });
    },
    isStopped: () => isStopped,
  };

  function take(compiled: Snapshot): Snapshot {
    for (const upstream of compiled.upstreams.values()) upstreams.add(upstream);
    return compiled;
  }
}

/** Replaces the system's files: the hosts file has the name unless its lookup takes time. */
function readSystemFile(path: string): string {
  if (path === "/proc/net/tcp") return toConnectionTable();
  if (path !== "/etc/hosts" || names.afterMs > 0) return "";
  return names.addresses.map((address) => `${address} ${names.name}\n`).join("");
}

function track(inner: UpstreamResources, opened: Set<Opened>): UpstreamResources {
  return {
    ...inner,
    connectTo(upstream) {
      const connect = inner.connectTo(upstream);
      const tracked: Connect = (events) => {
        const one: Opened = { openedMs: loop.nowMs, isConnected: false };
        opened.add(one);
        const socket = connect({
          ...events,
          onConnected() {
            one.isConnected = true;
            events.onConnected();
          },
          onClosed(error) {
            opened.delete(one);
            events.onClosed(error);
          },
        });
        return {
          ...socket,
          destroy() {
            opened.delete(one);
            socket.destroy();
          },
          reset() {
            opened.delete(one);
            socket.reset();
          },
        };
      };
      return tracked;
    },
  };
}

function idOf({ rawFields }: Pick<Exchange, "rawFields">): string {
  return findField(rawFields, "x-request-id") ?? "";
}

function toConfig(settings: Settings, isNamed: boolean): Config {
  const upstream = BASE.upstreams.get("default");
  if (upstream === undefined) throw new Error("no upstream");
  const host = isNamed ? names.name : "192.0.2.1";
  return {
    ...BASE,
    upstreams: new Map([
      [
        "default",
        {
          ...upstream,
          url: { ...upstream.url, host },
          connectTimeout: settings.connectMs,
          responseTimeout: settings.responseMs,
          idleTimeout: settings.idleMs,
          keepAlive: settings.keepAliveMs,
          maxAge: settings.maxAgeMs,
          maxConnections: settings.maxConnections,
        },
      ],
    ]),
    defaultRoute: {
      ...BASE.defaultRoute,
      responseTimeout: settings.responseMs,
      idleTimeout: settings.idleMs,
      head: {
        ...BASE.defaultRoute.head,
        mode: settings.head,
        range: settings.range,
        contentLength: settings.contentLength,
        share: settings.shareMs,
        drain: { bytes: settings.drainBytes, time: settings.drainMs },
      },
    },
    limits: { ...BASE.limits, waiting: settings.waiting, tunnels: settings.tunnels },
    timeouts: {
      ...BASE.timeouts,
      upgrade: settings.responseMs,
      tunnelIdle: settings.tunnelIdleMs,
    },
  };
}

function toLimits(settings: Settings): ServerLimits {
  return {
    headerMs: settings.headerMs,
    keepAliveMs: settings.clientKeepAliveMs,
    idleMs: settings.clientIdleMs,
    headerBytes: 16 * 1024,
    connections: 0,
    whenFull: "refuse",
  };
}
