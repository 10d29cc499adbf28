/** A changed route file, taken into use without a restart, or refused without harm. */

import type { Loaded } from "./config/load.ts";
import { ConfigError, type Problem } from "./config/problem.ts";
import type { Logger } from "./ops/log/logger.ts";

/** How a reload went. `message` is for the operator. */
export interface ReloadResult {
  readonly result: "success" | "failure";
  readonly message: string;
  /** SHA-256 of the file that was read. */
  readonly hash: string | undefined;
  /** What was wrong, one by one. */
  readonly problems: readonly (Pick<Problem, "message"> & Partial<Problem>)[];
}

/** Reloads, one at a time. Never rejects. */
export type Reload = (trigger: string) => Promise<ReloadResult>;

/** What a reload needs. `load` and `apply` throw what is wrong with the new configuration; `apply` then has changed nothing. */
export interface ReloadParts {
  load(): Promise<Loaded>;
  apply(loaded: Loaded): void;
  /** Told of each one, for metrics and status page. */
  note(result: ReloadResult): void;
  readonly logger: Pick<Logger, "info" | "error">;
}

/**
 * Creates the one way in which a configuration changes, whoever asks for it.
 *
 * The file is read, checked and compiled aside; then it is swapped in at once. Requests in flight keep the configuration that
 * they began with, and one that is wrong changes nothing. Who asks while one is running gets the next; everybody who asks
 * until that begins shares it, because it will read what all of them have written.
 */
export function createReload({ load, apply, note, logger }: ReloadParts): Reload {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<ReloadResult> | undefined;

  async function reload(trigger: string): Promise<ReloadResult> {
    try {
      const loaded = await load();
      apply(loaded);
      const message = `reloaded ${loaded.file ?? "the configuration"}`;
      const routes = loaded.config.routes.length + 1; // the default one is counted at the start, too
      logger.info({ trigger, hash: loaded.hash, routes }, message);
      return { result: "success", message, hash: loaded.hash, problems: [] };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      logger.error({ trigger }, `not reloaded, the old configuration stays in use: ${message}`);
      const problems = error instanceof ConfigError ? error.problems : [{ message }];
      return { result: "failure", message, hash: undefined, problems };
    }
  }

  async function afterLast(trigger: string): Promise<ReloadResult> {
    await last;
    next = undefined;
    const done = await reload(trigger);
    note(done);
    return done;
  }

  return (trigger) => {
    next ??= afterLast(trigger);
    last = next;
    return next;
  };
}
