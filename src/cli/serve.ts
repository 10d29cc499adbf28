/** A headgate in the foreground: started, said so, and stopped in order. */

import { type App, type Listening, createApp } from "../app.ts";
import type { Config } from "../config/schema.ts";
import { type Logger, createLogger } from "../ops/logger.ts";
import { logStart, toGreeting } from "./greeting.ts";
import type { Io } from "./io.ts";

/** Called when both ports listen, before anything is logged. */
export type OnListening = (listening: Listening) => void;

/** Serves until SIGTERM or SIGINT; the exit code is 1 where it could not start. */
export async function serve(config: Config, io: Io, onListening?: OnListening): Promise<number> {
  const format = config.log.format ?? (io.isTerminal ? "pretty" : "json");
  const logger = createLogger({ level: config.log.level, format });
  const app = createApp({
    config,
    logger,
    version: io.version,
    nodeVersion: io.nodeVersion,
    runtimeMetrics: "on",
    collectGarbage: io.collectGarbage,
  });
  const terminated = new Promise<void>((resolve) => io.onTerminate(resolve));
  try {
    const listening = await app.start();
    if (onListening !== undefined) onListening(listening);
    else if (format === "json") logStart(logger, config, listening);
    else io.out(toGreeting(config, listening, io.version));
  } catch (error) {
    io.err(`headgate: ${toReason(error)}\n`);
    return 1;
  }
  await terminated;
  await stop(app, logger);
  return 0;
}

async function stop(app: App, logger: Logger): Promise<void> {
  logger.info({}, "stopping: finishing what is in flight");
  const end = await app.stop();
  if (end === "finished") logger.info({}, "stopped");
  else logger.warn({}, "stopped: the grace period is over, what was left was cut off");
  await logger.flush();
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return `${message.replace("listen EADDRINUSE: ", "")} — another process listens there`;
  return message;
}
