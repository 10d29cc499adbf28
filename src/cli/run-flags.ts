/** The flags of `run`. Other commands accept them too, so that they can mean the headgate that runs with them. */

import type { Flags } from "../config/overrides.ts";
import type { Io } from "./io.ts";

/** Their names, without dashes. */
export const RUN_FLAGS = ["config", "listen", "upstream", "admin", "log-level"] as const;

/** Takes the settings out of the flags of a call. */
export function toSettings(values: ReadonlyMap<string, string>): Flags {
  return {
    config: values.get("config"),
    listen: values.get("listen"),
    upstream: values.get("upstream"),
    admin: values.get("admin"),
    logLevel: values.get("log-level"),
  };
}

/** Whether flags or variables name a route file or an upstream; without one of them there is no configuration. */
export function hasSource({ config, upstream }: Flags, env: Io["env"]): boolean {
  const isNamed = config !== undefined || upstream !== undefined;
  return isNamed || Boolean(env["HEADGATE_CONFIG"] || env["HEADGATE_UPSTREAM"]);
}
