/** The startup banner: the addresses, the routes and a command to try. */

import type { Listening } from "../app.ts";
import { formatUrl } from "../config/address.ts";
import type { Config, RouteConfig } from "../config/types.ts";
import type { Logger } from "../ops/log/logger.ts";
import { formatTable } from "./table.ts";
import { toTry } from "./to-try.ts";

/** The maximum number of routes in the banner; `headgate check` shows all of them. */
const MAX_SHOWN = 50;

/** The banner for a terminal. */
export function toStartupBanner(config: Config, listening: Listening, version: string): string {
  const { listen, admin } = listening;
  const places = [
    ...listen.map((one, index) => [index === 0 ? "  clients" : "", one]),
    ["  admin", admin === undefined ? "off" : `${admin}  (status page, /metrics, /livez, /readyz)`],
  ];
  const routes = toShown(config).map((route) => [
    `  ${route.host ?? ""}${route.path}`,
    route.head.mode,
    toUpstream(config, route),
  ]);
  return [
    `headgate ${version}\n`,
    formatTable(places),
    formatTable([["  ROUTE", "HEAD", "UPSTREAM"], ...routes]) + toRest(config),
    `  Try it:  ${toTry(listen[0] ?? "", config.listen[0])}\n\n`,
  ].join("\n");
}

/** The banner for a log: one line for headgate, one for each route. */
export function logStart(
  logger: Logger,
  config: Config,
  { listen, admin }: Listening,
  version: string,
): void {
  const routes = config.routes.length + 1;
  const all = listen.join(" ");
  logger.info(
    { version, listen: all, admin: admin ?? "off", routes },
    `listening on ${all}; try: ${toTry(listen[0] ?? "", config.listen[0])}`,
  );
  for (const route of toShown(config)) {
    const { name, host, path, head } = route;
    const fields = {
      route: name,
      host,
      path,
      head: head.mode,
      upstream: toUpstream(config, route),
    };
    logger.info(fields, "route");
  }
  const rest = toRest(config).trim();
  if (rest !== "") logger.info({}, rest);
}

function toShown({ routes, defaultRoute }: Config): readonly RouteConfig[] {
  return [...routes.slice(0, MAX_SHOWN), defaultRoute];
}

function toRest({ routes }: Config): string {
  const rest = routes.length - MAX_SHOWN;
  return rest > 0 ? `  … and ${rest} more routes; headgate check shows them all\n` : "";
}

function toUpstream({ upstreams }: Config, { upstream }: RouteConfig): string {
  const url = upstreams.get(upstream)?.url;
  return url === undefined ? upstream : formatUrl(url);
}
