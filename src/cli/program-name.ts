/** How the operator calls headgate, for the commands that headgate suggests. */

import type { Io } from "./io.ts";

/** In a clone, `headgate` is not on the PATH, and `npm start` is used. */
export function toProgramName({ env }: Pick<Io, "env">): string {
  return env["npm_lifecycle_event"] === "start" ? "npm start --" : "headgate";
}
