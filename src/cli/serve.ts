/** Runs a headgate in the foreground: starts it, reports the start, and stops it in order. */

import { type App, type Listening, createApp } from "../app.ts";
import type { Digest } from "../config/files.ts";
import type { Loaded, Overridden } from "../config/load.ts";
import { type Diagnostic, formatDiagnostic } from "../config/diagnostic.ts";
import type { Config } from "../config/types.ts";
import {
  DEFAULT_WATCH_OPTIONS,
  type Digests,
  type FileWatcher,
  createFileWatcher,
} from "../config/watch.ts";
import { type Logger, createLogger } from "../ops/log/logger.ts";
import { createReload } from "../reload.ts";
import { logStart, toStartupBanner } from "./startup-banner.ts";
import type { Io } from "./io.ts";

/** Called when both listeners are open, before anything is logged. */
export type OnListening = (listening: Listening) => void;

/** The configuration to serve, and how to reload it. */
export interface Serving {
  readonly config: Config;
  /** The name of the route file, as the operator gave it. */
  readonly file?: string | undefined;
  /** SHA-256 of its content. */
  readonly hash?: string | undefined;
  /** The keys of the route file that flags and environment variables override. */
  readonly overridden?: readonly Overridden[];
  /** Settings that are valid but probably not intended. */
  readonly warnings?: readonly Diagnostic[];
  /** Loads the configuration again and reports each file that it reads. Undefined if the configuration cannot change. */
  readonly load?: ((onRead: (path: string, digest: Digest) => void) => Promise<Loaded>) | undefined;
  /** The files that `config` was read from; headgate watches them. */
  readonly files?: Digests;
  readonly onListening?: OnListening;
}

/** Serves until SIGTERM or SIGINT. The exit code is 1 if headgate could not start. */
export async function serve(serving: Serving, io: Io): Promise<number> {
  const { config, file, hash, load, files = new Map(), onListening } = serving;
  const format = config.log.format ?? (io.isTerminal ? "pretty" : "json");
  const logger = createLogger({ level: config.log.level, format });
  const watcher = createFileWatcher(DEFAULT_WATCH_OPTIONS, () => void reload?.("file"));
  const reload =
    load &&
    createReload({
      load: () => loadAndWatch(load, watcher),
      apply(loaded) {
        app.reload(loaded.config);
        logWarnings(logger, loaded.warnings);
        if (loaded.config.log.format !== config.log.format)
          logger.warn({}, "log.format has changed, which takes effect at the next start");
      },
      note: (result) => app.noteReload(result),
      logger,
    });
  const app: App = createApp({
    config,
    file,
    hash,
    logger,
    reload: files.size === 0 ? undefined : reload,
    version: io.version,
    nodeVersion: io.nodeVersion,
    runtimeMetrics: "on",
    collectGarbage: io.heap.collectMinor,
  });
  const terminated = new Promise<void>((resolve) => io.onTerminate(resolve));
  // Registered first: a SIGHUP ends the process until a listener is registered.
  if (reload !== undefined) io.onReload(() => void reload("SIGHUP"));
  try {
    const listening = await app.start();
    if (onListening !== undefined) onListening(listening);
    else if (format === "json") logStart(logger, config, listening, io.version);
    else io.out(toStartupBanner(config, listening, io.version));
    for (const { key, source, isSame } of serving.overridden ?? [])
      if (!isSame)
        logger.info({ key, place: source }, `${source} overrides ${key} of the route file`);
    logWarnings(logger, serving.warnings ?? []);
  } catch (error) {
    io.err(`headgate: ${toReason(error, config)}\n`);
    return 1;
  }
  watcher.watch(files);
  io.heap.tune();
  await terminated;
  watcher.stop();
  await stop(app, logger);
  return 0;
}

function logWarnings(logger: Logger, warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) logger.warn({ key: warning.key }, formatDiagnostic(warning));
}

/** Loads a configuration. If it is refused, headgate still watches the files that were read: a change may correct it. */
async function loadAndWatch(
  load: NonNullable<Serving["load"]>,
  watcher: Pick<FileWatcher, "watch">,
): Promise<Loaded> {
  const files = new Map<string, Digest>();
  try {
    return await load((path, digest) => files.set(path, digest));
  } finally {
    watcher.watch(files);
  }
}

async function stop(app: App, logger: Logger): Promise<void> {
  logger.info({}, "stopping: finishing what is in flight");
  const cut = await app.stop();
  if (cut === 0) logger.info({}, "stopped");
  else logger.warn({ cut }, "stopped: the grace period is over, what was left was cut off");
  await logger.flush();
}

/** Node's error for an address that cannot be bound; for a Unix socket, `address` is the path. */
interface Failure extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

/** Why an address cannot be bound, in the operator's words. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "this user may not listen there",
};

// A second headgate on the machine would use the same default ports for both listeners; the address in Node's error does not show
// which listener failed.
function toReason(error: unknown, { listen, admin }: Config): string {
  if (!(error instanceof Error)) return String(error);
  const failure: Failure = error;
  const reason = failure.syscall === "listen" ? REASONS[failure.code ?? ""] : undefined;
  if (reason === undefined) return error.message;
  const isListener = listen.some(({ address }) => isAt(address, failure));
  const isAdmin = isAt(admin, failure) && !isListener;
  const wayOut = isAdmin ? "--admin ADDR or --admin off" : "--listen ADDR";
  return `${error.message.replace(/^listen [A-Z]+: /, "")}: ${reason}; choose another by ${wayOut}`;
}

function isAt(one: Config["admin"], { address, port }: Failure): boolean {
  if (one === "off" || one.kind === "fd") return false;
  return one.kind === "unix" ? one.path === address : one.port === port;
}
