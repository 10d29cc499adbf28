/** `headgate run`: runs the proxy, configured by route file, environment and flags. */

import type { Digest } from "../config/files.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import { readArguments } from "./flags.ts";
import type { Io } from "./io.ts";
import { RUN_FLAGS, toSettings } from "./run-flags.ts";
import { serve } from "./serve.ts";

/** Runs until a signal. Throws a UsageError or a ConfigError before it opens a listener. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const flags = toSettings(readArguments(args, { values: RUN_FLAGS }).values);
  const files = new Map<string, Digest>();
  const load = (onRead: (path: string, digest: Digest) => void): Promise<Loaded> =>
    loadConfig({ flags, env: io.env, cwd: io.cwd, pid: io.pid, onRead });
  const loaded = await load((path, digest) => files.set(path, digest));
  return serve({ ...loaded, load, files }, io);
}
