/** A headgate in the foreground: started, said so, and stopped in order. */

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

/** Called when both ports listen, before anything is logged. */
export type OnListening = (listening: Listening) => void;

/** What to serve, and how to read it again. */
export interface Serving {
  readonly config: Config;
  /** The route file as it was given. */
  readonly file?: string | undefined;
  /** SHA-256 of its content. */
  readonly hash?: string | undefined;
  /** The keys of it that flags and environment override. */
  readonly overridden?: readonly Overridden[];
  /** What in it is allowed and probably not meant. */
  readonly warnings?: readonly Diagnostic[];
  /** Tells of each file that it reads. Undefined where nothing can change while it runs. */
  readonly load?: ((onRead: (path: string, digest: Digest) => void) => Promise<Loaded>) | undefined;
  /** The files that `config` was read from, to be watched. */
  readonly files?: Digests;
  readonly onListening?: OnListening;
}

/** Serves until SIGTERM or SIGINT; the exit code is 1 where it could not start. */
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
    collectGarbage: io.collectGarbage,
  });
  const terminated = new Promise<void>((resolve) => io.onTerminate(resolve));
  // Before anything else happens: until somebody listens for it, a SIGHUP ends the process.
  if (reload !== undefined) io.onReload(() => void reload("SIGHUP"));
  try {
    const listening = await app.start();
    if (onListening !== undefined) onListening(listening);
    else if (format === "json") logStart(logger, config, listening, io.version);
    else io.out(toStartupBanner(config, listening, io.version));
    for (const { key, source } of serving.overridden ?? [])
      logger.info({ key, place: source }, `${source} overrides ${key} of the route file`);
    logWarnings(logger, serving.warnings ?? []);
  } catch (error) {
    io.err(`headgate: ${toReason(error, config)}\n`);
    return 1;
  }
  watcher.watch(files);
  await terminated;
  watcher.stop();
  await stop(app, logger);
  return 0;
}

function logWarnings(logger: Logger, warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) logger.warn({ key: warning.key }, formatDiagnostic(warning));
}

/** A configuration that is refused names the files whose change may mend it. */
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

/** What node says of an address that it cannot have; of a Unix socket, `address` is the path. */
interface Failure extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

// Both ports have defaults that a second headgate on the machine would want too; which of them it was, the address alone
// does not tell.
function toReason(error: unknown, { listen, admin }: Config): string {
  if (!(error instanceof Error)) return String(error);
  const failure: Failure = error;
  if (failure.code !== "EADDRINUSE") return error.message;
  const isAdmin = isAt(admin, failure) && !isAt(listen, failure);
  const wayOut = isAdmin ? "--admin ADDR or --admin off" : "--listen ADDR";
  return `${error.message.replace("listen EADDRINUSE: ", "")}: another process listens there; choose another by ${wayOut}`;
}

function isAt(one: Config["admin"], { address, port }: Failure): boolean {
  if (one === "off" || one.kind === "fd") return false;
  return one.kind === "unix" ? one.path === address : one.port === port;
}
