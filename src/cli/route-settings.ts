/** Finds the settings of a route that differ from the defaults. */

import { formatHead } from "../config/schema/head.ts";
import type { RouteConfig } from "../config/types.ts";
import { formatDuration } from "../config/units.ts";

type Settings = Readonly<Record<string, string>>;

/** Returns the settings of a route, except its mode, that differ from the defaults: `head.share=1s`. */
export function toDifferences(route: RouteConfig, defaults: RouteConfig): readonly string[] {
  const standard = toSettings(defaults);
  return Object.entries(toSettings(route))
    .filter(([key, value]) => value !== standard[key])
    .map(([key, value]) => `${key}=${value}`);
}

function toSettings({ head, options, strict, ...times }: RouteConfig): Settings {
  return {
    ...formatHead(head),
    options:
      options === undefined
        ? "forward"
        : options.allow === undefined
          ? "reply"
          : `[${options.allow.join(", ")}]`,
    responseTimeout: formatDuration(times.responseTimeout),
    idleTimeout: formatDuration(times.idleTimeout),
    strict: String(strict),
  };
}
