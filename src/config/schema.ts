/** What an operator may write. Durations are milliseconds and sizes bytes once loaded. */

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface UpstreamUrl {
  readonly protocol: "http:" | "https:";
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Set for `unix:/path`. */
  readonly socketPath: string | undefined;
  /** host[:port] as a Host field writes it. */
  readonly authority: string;
}

export interface UpstreamConfig {
  readonly name: string;
  readonly url: UpstreamUrl;
  readonly connectTimeout: number;
  /** Until the header section of the answer. */
  readonly responseTimeout: number;
  /** Between bytes; 0 = none. */
  readonly idleTimeout: number;
  /** How long an idle connection is kept. */
  readonly keepAlive: number;
  readonly maxConnections: number;
  /** The Host field that the upstream sees: the client's, or the upstream's own authority. */
  readonly host: "preserve" | "upstream";
  readonly tls: TlsConfig | undefined;
}

/** PEM texts, already read from their files. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

export interface HeadConfig {
  readonly mode: "convert" | "pass";
  readonly drain: { readonly bytes: number; readonly time: number };
}

export interface RouteConfig {
  readonly name: string;
  readonly host: string | undefined;
  readonly path: string;
  readonly head: HeadConfig;
  /** A name in `upstreams`. */
  readonly upstream: string;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
}

export interface Config {
  readonly listen: Address;
  readonly admin: Address | "off";
  /** By name; `default` is the top-level `upstream`. */
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly routes: readonly RouteConfig[];
  /** Where a request goes that no route matches: name "default", path "/*". */
  readonly defaultRoute: RouteConfig;
  readonly forwarded: "off" | { readonly trust: readonly string[] };
  readonly timeouts: {
    readonly header: number;
    readonly keepAlive: number;
    readonly upgrade: number;
    readonly tunnelIdle: number;
  };
  readonly limits: {
    readonly headerBytes: number;
    readonly headerCount: number;
    /** Requests that may wait for a connection of one upstream. */
    readonly waiting: number;
    /** Bodies of converted HEADs that may be draining at one time. */
    readonly draining: number;
  };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error" | "silent";
    readonly access: "all" | "errors" | "off";
  };
  readonly shutdown: { readonly grace: number };
}
