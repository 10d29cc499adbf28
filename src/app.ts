/** The composition root: builds every part once, from the configuration. */

import { isLoopback, listenAdmin } from "./admin-port.ts";
import { listCertificates } from "./config/certificates.ts";
import { readSystemFile } from "./config/files.ts";
import { createMasking } from "./config/masked.ts";
import type { Config } from "./config/types.ts";
import { compile, closeSnapshot } from "./snapshot.ts";
import type { ProxyError } from "./http/errors.ts";
import { beginExchange, toRequestId } from "./http/exchange.ts";
import type { ReceivedRequest } from "./http/request.ts";
import { applyModes, listenOn, refuseMoved } from "./listen.ts";
import type { ServerLimits } from "./server/server-handler.ts";
import { createServer } from "./server/server.ts";
import { toOpenings } from "./openings.ts";
import { createAdmin } from "./ops/admin.ts";
import type { Logger } from "./ops/log/logger.ts";
import { createMetrics } from "./ops/metrics/endpoint.ts";
import { type Observer, createObserver } from "./ops/observer.ts";
import { createReadiness } from "./ops/readiness.ts";
import { observeMisuse } from "./ops/misuse.ts";
import { observeUnopened } from "./ops/unopened.ts";
import type { ConfigurationState } from "./ops/status/status-snapshot.ts";
import { createStatus } from "./ops/status/status.ts";
import { shutDown } from "./proxy/shutdown.ts";
import { type HandlerParts, createHandler } from "./proxy/handler.ts";
import { createTunnels } from "./proxy/tunnel.ts";
import type { Reload, ReloadResult } from "./reload.ts";
import { createUpstreamResources } from "./upstream/upstream-pool.ts";
import { toConnectionCounts, toEndpoints } from "./upstream-view.ts";

/** What the process passes to the app. */
export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly version: string;
  /** `process.version`. */
  readonly nodeVersion: string;
  /** The path of the route file, for the status page; undefined without a file. */
  readonly file?: string | undefined;
  /** SHA-256 of that file, in hexadecimal. */
  readonly hash?: string | undefined;
  /** Whether to collect the process's own metrics. That works once per process, so tests switch it off. */
  readonly runtimeMetrics: "on" | "off";
  /** Runs a minor garbage collection. */
  collectGarbage(): void;
  /** Handles `POST /reload` on the admin port; undefined without a file to read again. */
  readonly reload?: Reload | undefined;
}

/** The addresses of the listeners and of the admin port, as URLs or `unix:/path`. */
export interface Listening {
  readonly listen: readonly string[];
  readonly admin: string | undefined;
}

/** A running headgate. */
export interface App {
  /** Starts to listen. If an address cannot be bound, it rejects with Node's error, and nothing listens. */
  start(): Promise<Listening>;
  /** Applies a new configuration at once. If that needs a restart, it throws and changes nothing. */
  reload(config: Config): void;
  /** Records the result of a reload, for metrics and the status page. */
  noteReload(result: ReloadResult): void;
  /** Finishes what is in flight within the grace period. Resolves with the number of exchanges and tunnels that it cut off. */
  stop(): Promise<number>;
}

type LoadedFile = Omit<ConfigurationState, "certificates" | "routes">;

// The admin port serves probes and scrapes, which need no more than this.
const ADMIN_LIMITS: ServerLimits = {
  headerMs: 5_000,
  keepAliveMs: 30_000,
  idleMs: 30_000,
  headerBytes: 8 * 1024,
  connections: 128,
  whenFull: "replace",
};

/** Builds all parts. Nothing listens until `start`. */
export function createApp({
  config,
  file,
  hash,
  logger,
  version,
  nodeVersion,
  runtimeMetrics,
  collectGarbage,
  reload,
}: AppOptions): App {
  const readiness = createReadiness();
  const createId = createIds();
  const shared = createUpstreamResources({ collectGarbage, readSystemFile });
  const tunnels = createTunnels();
  let snapshot = compile(config, shared);
  let openings = toOpenings(config);
  let certificates = listCertificates(config);

  const build = { version, node: nodeVersion };
  const gauges = {
    requestsInFlight: () => server.inFlight(),
    clientConnections: () => server.connections(),
    tunnels: tunnels.count,
    upstreamConnections: () => toConnectionCounts(snapshot.upstreams),
    droppedLogLines: logger.droppedLines,
    certificates: () => certificates,
  };
  const startedAtMs = Date.now();
  let loadedFile: LoadedFile = { file, hash, loadedAtMs: startedAtMs, lastReload: undefined };
  const metrics = createMetrics({
    build,
    runtime: runtimeMetrics,
    loadedAtSeconds: startedAtMs / 1000,
    sources: gauges,
  });
  const status = createStatus({
    build,
    startedAtMs,
    counters: metrics.counters,
    gauges,
    state: readiness.state,
    configuration: () => ({
      ...loadedFile,
      certificates,
      routes: [...snapshot.config.routes, snapshot.config.defaultRoute],
    }),
    endpoints: () => toEndpoints(snapshot.upstreams),
  });
  let observer = toObserver(config);
  const parts: HandlerParts = {
    snapshot: () => snapshot,
    createId,
    observe: (exchange) => observer.observe(exchange),
    tunnels,
  };
  const handler = createHandler(parts);

  const server = createServer(
    {
      onRequest: (request, response) => void handler.handle(request, response),
      isOwn: shared.ownSockets.has,
      countUnacknowledged: shared.countUnacknowledged,
      onRefused: observeRefused,
      onUnopened: (unopened) =>
        observeUnopened(unopened, { logger, metrics, ...snapshot.config.log }),
      onMisuse: (misuse) => observeMisuse(misuse, { logger, metrics, ...snapshot.config.log }),
    },
    toServerLimits(config),
  );
  const admin = createServer(
    {
      onRequest: createAdmin({
        readiness,
        metrics,
        status,
        logger,
        reload: !config.isAdminDefault && isLoopback(config.admin) ? reload : undefined,
      }),
      onRefused: createId,
    },
    ADMIN_LIMITS,
  );

  return {
    async start() {
      const adminUrl = await listenAdmin(admin, config, logger);
      try {
        const listen: string[] = [];
        for (const [index, { address }] of config.listen.entries())
          listen.push(await listenOn(server, address, openings[index]));
        readiness.ready();
        status.start();
        return { listen, admin: adminUrl };
      } catch (error) {
        admin.destroy();
        await Promise.all([server.close(), admin.close()]);
        throw error;
      }
    },
    reload(next) {
      if (readiness.state() === "draining") throw new Error("headgate is stopping");
      refuseMoved(snapshot.config, next);
      applyModes(snapshot.config, next);
      const previous = snapshot;
      openings = toOpenings(next, openings);
      snapshot = compile(next, shared, previous);
      server.reopen(openings);
      certificates = listCertificates(next);
      observer.flush();
      observer = toObserver(next);
      server.configure(toServerLimits(next));
      logger.setLevel(next.log.level);
      closeSnapshot(previous, snapshot);
    },
    noteReload({ result, hash: newHash, problems }) {
      const atMs = Date.now();
      metrics.countReload(result, atMs / 1000);
      const lastReload = { atMs, errors: maskProblems(problems, snapshot.config) };
      loadedFile =
        result === "success"
          ? { file, hash: newHash, loadedAtMs: atMs, lastReload }
          : { ...loadedFile, lastReload };
    },
    async stop() {
      readiness.drain();
      server.drain();
      // A load balancer polls /readyz. Until its next poll it still sends requests, and headgate serves them.
      await delay(snapshot.config.shutdown.delay);
      const cut = await shutDown(
        { server, handler, tunnels, upstreams: shared },
        snapshot.config.shutdown.grace,
      );
      closeSnapshot(snapshot);
      shared.close();
      status.stop();
      observer.flush();
      admin.destroy();
      await admin.close();
      return cut;
    },
  };

  // A request that the server itself refuses is also an exchange. Its start is often unknown, so start and end are the same time.
  function observeRefused(error: ProxyError, received: ReceivedRequest): string {
    const exchange = beginExchange(received, createId(), performance.now());
    observer.observe(
      Object.assign(exchange, { error, status: error.status, endedMs: exchange.startedMs }),
    );
    return toRequestId(exchange);
  }

  function toObserver({ log }: Config): Observer {
    const query = log.query ? "log" : "omit";
    return createObserver({
      logger,
      metrics,
      status,
      access: log.access,
      query,
      fields: log.fields,
    });
  }
}

function toServerLimits({ timeouts, limits }: Config): ServerLimits {
  return {
    headerMs: timeouts.header,
    keepAliveMs: timeouts.keepAlive,
    idleMs: timeouts.idle,
    headerBytes: limits.headerBytes,
    connections: limits.connections,
    whenFull: "refuse",
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Masks secrets in the problems. Names of upstreams are not masked, because the status page shows them anyway. */
function maskProblems(
  problems: ReloadResult["problems"],
  { upstreams }: Config,
): readonly string[] {
  return problems.length === 0 ? [] : problems.map(createMasking((name) => upstreams.has(name)));
}

// A counter with a random prefix: unique in the log of one process, at a tenth of the cost of a UUID.
function createIds(): () => string {
  const prefix = Math.random().toString(36).slice(2, 10);
  let count = 0;
  return () => `${prefix}-${(count += 1).toString(36)}`;
}
