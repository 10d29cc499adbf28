/** What a terminal shows, by the environment variables that other programs follow. */

import type { Io } from "./io.ts";

/** The values of FORCE_COLOR that ask for colours, as Node itself has them. */
const FORCED = new Set(["", "1", "2", "3", "true"]);

/** Whether standard output gets colours. FORCE_COLOR overrides the other rules, also in a pipe (force-color.org, no-color.org). */
export function wantsColours({ env, isTerminal }: Pick<Io, "env" | "isTerminal">): boolean {
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return FORCED.has(forced);
  return isTerminal && !env["NO_COLOR"] && !isDumb(env);
}

/** Whether headgate may overwrite a line on standard error. A log of CI would keep each version of it, even with a terminal. */
export function showsProgress({
  env,
  isErrorTerminal,
}: Pick<Io, "env" | "isErrorTerminal">): boolean {
  const isCI = env["CI"] !== undefined && !["", "0", "false"].includes(env["CI"]);
  return isErrorTerminal && !isCI && !isDumb(env);
}

/** A terminal that knows no escape sequences, such as a shell in Emacs. */
function isDumb(env: Io["env"]): boolean {
  return env["TERM"] === "dumb";
}
