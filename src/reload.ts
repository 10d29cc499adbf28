/** Reloads a changed route file without a restart. An invalid one changes nothing. */

import type { Loaded } from "./config/load.ts";
import { ConfigError, type Diagnostic } from "./config/diagnostic.ts";
import type { Logger } from "./ops/log/logger.ts";

/** The result of a reload. `message` is for the operator. */
export interface ReloadResult {
  readonly result: "success" | "failure";
  readonly message: string;
  /** SHA-256 of the file that was read. */
  readonly hash: string | undefined;
  /** The problems of the new configuration; empty after a success. */
  readonly problems: readonly (Pick<Diagnostic, "message"> & Partial<Diagnostic>)[];
}

/** Reloads the configuration; `trigger` names the cause for the log. Never rejects. */
export type Reload = (trigger: string) => Promise<ReloadResult>;

/** What a reload needs. `load` and `apply` throw if the new configuration is wrong; `apply` has then changed nothing. */
export interface ReloadParts {
  load(): Promise<Loaded>;
  apply(loaded: Loaded): void;
  /** Called with the result of each reload, for metrics and the status page. */
  note(result: ReloadResult): void;
  readonly logger: Pick<Logger, "info" | "error">;
}

/**
 * Creates the only function that changes the configuration, for every trigger.
 *
 * The new configuration is read, checked and compiled before it replaces the old one in one step. Requests in flight keep the
 * configuration that they began with. An invalid configuration changes nothing. Only one reload runs at a time: callers that come during
 * one share the next reload, which reads the file after all of them wrote it.
 */
export function createReload({ load, apply, note, logger }: ReloadParts): Reload {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<ReloadResult> | undefined;

  async function reload(trigger: string): Promise<ReloadResult> {
    try {
      const loaded = await load();
      apply(loaded);
      const message = `reloaded ${loaded.file ?? "the configuration"}`;
      const routes = loaded.config.routes.length + 1; // with the default route, as in the log line at the start
      logger.info({ trigger, hash: loaded.hash, routes }, message);
      return { result: "success", message, hash: loaded.hash, problems: [] };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      logger.error({ trigger }, `not reloaded, the old configuration stays in use: ${message}`);
      const problems = error instanceof ConfigError ? error.diagnostics : [{ message }];
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
