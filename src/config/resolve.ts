/** Turns the checked raw configuration into the Config: routes with their inherited settings, upstreams by name. Never throws. */

import { summariseCertificate } from "./pem.ts";
import { toRouteName } from "./routes.ts";
import type { HeadConfig } from "./schema/head.ts";
import type { Config, ListenerConfig, RouteConfig, UpstreamConfig } from "./types.ts";
import type { RawConfig, RawRoute, RawUpstream } from "./schema/file.ts";
import type { TlsFile } from "./tls.ts";
import type { RawListener } from "./schema/listen-address.ts";

/** Builds the Config. `files` holds the TLS files by their names in the route file. */
export function resolveConfig(
  raw: RawConfig & { upstream: RawUpstream },
  files: ReadonlyMap<string, TlsFile>,
): Omit<Config, "isAdminDefault"> {
  const { listen, upstream, upstreams: named, routes, head, options, ...rest } = raw;
  const inline = routes.flatMap((route) =>
    route.upstream?.inline === undefined
      ? []
      : [[route.upstream.name, route.upstream.inline] as const],
  );
  const upstreams = new Map(
    [["default", upstream] as const, ...Object.entries(named), ...inline].map(([name, one]) => [
      name,
      resolveUpstream(name, one, files),
    ]),
  );
  const defaultRoute: RouteConfig = {
    name: "default",
    host: undefined,
    path: "/*",
    head,
    ...toOptions(options),
    upstream: "default",
    responseTimeout: upstream.responseTimeout,
    idleTimeout: upstream.idleTimeout,
    strict: upstream.strict,
  };
  return {
    ...rest,
    listen: listen.map((one) => resolveListener(one, files)),
    upstreams,
    defaultRoute,
    routes: routes.map((route) => resolveRoute(route, defaultRoute, upstreams)),
  };
}

function resolveListener(
  { tls, ...listener }: RawListener,
  files: ReadonlyMap<string, TlsFile>,
): ListenerConfig {
  const textOf = (file: string): string => files.get(file)?.text ?? "";
  const toCertificate = (names: { readonly cert: string; readonly key: string }) => {
    const cert = textOf(names.cert);
    return { cert, key: textOf(names.key), ...summariseCertificate(cert) };
  };
  return {
    ...listener,
    tls: tls && {
      certificates: [toCertificate(tls), ...tls.certificates.map(toCertificate)],
      certFile: files.get(tls.cert)?.path ?? "",
      clientCA: tls.clientCA === undefined ? undefined : files.get(tls.clientCA)?.text,
      clientAuth: tls.clientCA === undefined ? undefined : (tls.clientAuth ?? "require"),
      minVersion: tls.minVersion,
      forwardClientCert: tls.forwardClientCert,
    },
  };
}

function resolveUpstream(
  name: string,
  { tls, ...settings }: RawUpstream,
  files: ReadonlyMap<string, TlsFile>,
): UpstreamConfig {
  const textOf = (file: string | undefined) =>
    file === undefined ? undefined : files.get(file)?.text;
  return {
    ...settings,
    name,
    tls: tls && {
      ca: textOf(tls.ca),
      cert: textOf(tls.cert),
      key: textOf(tls.key),
      serverName: tls.serverName,
      verify: tls.verify,
    },
  };
}

/** A route inherits `head` and `options` from the top level, and timeouts and `strict` from its upstream. */
function resolveRoute(
  route: RawRoute,
  base: RouteConfig,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
): RouteConfig {
  const upstream = route.upstream?.name ?? base.upstream;
  const { responseTimeout, idleTimeout, strict } = upstreams.get(upstream) ?? base;
  return {
    name: toRouteName(route),
    host: route.host,
    path: route.path,
    head: inheritHead(route.head, base.head),
    ...toOptions(route.options ?? base.options),
    upstream,
    responseTimeout: route.responseTimeout ?? responseTimeout,
    idleTimeout: route.idleTimeout ?? idleTimeout,
    strict: route.strict ?? strict,
  };
}

function toOptions(options: RawConfig["options"] | undefined): Pick<RouteConfig, "options"> {
  return options === undefined || options === "forward" ? {} : { options };
}

/** A route inherits what it does not set. */
function inheritHead(own: RawRoute["head"], base: HeadConfig): HeadConfig {
  return { ...base, ...toDefined(own), drain: { ...base.drain, ...toDefined(own?.drain) } };
}

type Defined<Value> = { [Key in keyof Value]?: Exclude<Value[Key], undefined> };

function toDefined<Value extends object>(value: Value | undefined): Defined<Value> {
  const entries = Object.entries(value ?? {}).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries) as Defined<Value>;
}
