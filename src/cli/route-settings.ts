/** Finds the settings of a route that differ from the defaults. */

import type { HeadConfig, RouteConfig } from "../config/types.ts";
import { formatDuration, formatRate, formatSize } from "../config/units.ts";

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
    ...toHeadSettings(head),
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

/** Each key of `head`, so that a new one cannot be left out here. The mode has a place of its own. */
type HeadSettings = Readonly<
  Record<`head.${Exclude<keyof HeadConfig, "mode" | "limit" | "drain">}`, string>
>;

function toHeadSettings({
  fallbackOn,
  guards,
  limit,
  drain,
  ...head
}: HeadConfig): HeadSettings & Settings {
  return {
    "head.fallbackOn": `[${fallbackOn.join(", ")}]`,
    "head.remember": formatDuration(head.remember),
    "head.guards": `[${guards.join(", ")}]`,
    "head.allow": head.allow,
    "head.contentLength": head.contentLength,
    "head.range": head.range,
    "head.limit.concurrent": String(limit?.concurrent ?? "none"),
    "head.limit.rate": limit?.rate === undefined ? "none" : formatRate(limit.rate),
    "head.share": formatDuration(head.share),
    "head.explain": String(head.explain),
    "head.drain.bytes": formatSize(drain.bytes),
    "head.drain.time": formatDuration(drain.time),
  };
}
