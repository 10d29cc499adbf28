/** What a loaded configuration means. Durations are milliseconds and sizes bytes. */

import type { Address } from "./address.ts";
import type { RawConfig, RawUpstream } from "./schema/file.ts";
import type { RawHead } from "./schema/head.ts";

/** PEM texts, already read from their files. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** One upstream, ready for use. */
export interface UpstreamConfig extends Readonly<Omit<RawUpstream, "tls">> {
  readonly name: string;
  readonly tls: TlsConfig | undefined;
}

/** Of one route: how many at one time, and how many a second. */
export interface HeadLimit {
  readonly concurrent?: number | undefined;
  readonly rate?: number | undefined;
}

/** How a HEAD is answered: the keys of `head` in config/schema/head.ts. */
export type HeadConfig = {
  readonly [Key in keyof RawHead]: RawHead[Key] extends readonly (infer Item)[]
    ? readonly Item[]
    : RawHead[Key];
};

/** How headgate answers OPTIONS. */
export interface OptionsConfig {
  /** The methods of Allow; undefined: those that every route has. */
  readonly allow: readonly string[] | undefined;
}

/** One route, with everything it inherits. */
export interface RouteConfig {
  readonly name: string;
  /** Lower case, without port and trailing dot; `*.` in front for every name below it. */
  readonly host: string | undefined;
  /** The pattern as it was written. */
  readonly path: string;
  readonly head: HeadConfig;
  /** Undefined: the upstream answers. */
  readonly options?: OptionsConfig | undefined;
  /** A name in `upstreams`. */
  readonly upstream: string;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  readonly strict: boolean;
}

/** A loaded configuration. */
export interface Config {
  readonly listen: Address;
  readonly admin: Address | "off";
  /** Whether `admin` is a default and not what the operator wrote. Then a taken address is a warning only, and /reload is not served. */
  readonly isAdminDefault: boolean;
  /** By name; `default` is the top-level `upstream`. */
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly routes: readonly RouteConfig[];
  /** Where a request goes that no route matches: name "default", path "/*". */
  readonly defaultRoute: RouteConfig;
  readonly forwarded: "off" | { readonly trust: readonly string[] };
  readonly timeouts: Readonly<RawConfig["timeouts"]>;
  readonly limits: Readonly<RawConfig["limits"]>;
  readonly requestId: RawConfig["requestId"];
  readonly log: Readonly<RawConfig["log"]>;
  readonly shutdown: Readonly<RawConfig["shutdown"]>;
}
