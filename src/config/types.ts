/** A loaded configuration. Durations are in milliseconds, sizes in bytes. */

import type { Address } from "./address.ts";
import type { CertificateSummary } from "./pem.ts";
import type { RawConfig, RawUpstream } from "./schema/file.ts";
import type { HeadConfig } from "./schema/head.ts";
import type { RawListener } from "./schema/listen-address.ts";

/** The PEM texts, read from their files, and the other TLS settings of an upstream. */
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

/** The limit on converted HEADs of one route: how many at one time, and how many a second. */
export interface HeadLimit {
  readonly concurrent?: number | undefined;
  readonly rate?: number | undefined;
}

/** How headgate responds to OPTIONS. */
export interface OptionsConfig {
  /** The methods in the Allow field. If undefined, GET, HEAD and OPTIONS. */
  readonly allow: readonly string[] | undefined;
}

/** One route, with its inherited settings. */
export interface RouteConfig {
  readonly name: string;
  /** Lower case, without port and trailing dot. With `*.` at the start it matches every name below it. */
  readonly host: string | undefined;
  /** The pattern, as in the route file. */
  readonly path: string;
  readonly head: HeadConfig;
  /** If undefined, the upstream responds to OPTIONS. */
  readonly options?: OptionsConfig | undefined;
  /** A name in `upstreams`. */
  readonly upstream: string;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  readonly strict: boolean;
}

/** A certificate chain and its private key, as PEM texts, and what the first certificate of the chain says. */
export interface CertificateConfig extends CertificateSummary {
  readonly cert: string;
  readonly key: string;
}

/** The TLS settings of a listener, with the PEM texts of its files. */
export interface ListenerTlsConfig {
  /** The first one is for clients that ask for no name, or for an unknown name. */
  readonly certificates: readonly [CertificateConfig, ...CertificateConfig[]];
  /** The absolute path of the first certificate's chain. */
  readonly certFile: string;
  readonly clientCA: string | undefined;
  /** Undefined: clients are not asked for a certificate. */
  readonly clientAuth: "require" | "request" | undefined;
  readonly minVersion: "1.2" | "1.3";
  readonly forwardClientCert: boolean;
}

/** One listener for clients. */
export interface ListenerConfig extends Readonly<Omit<RawListener, "tls">> {
  readonly tls: ListenerTlsConfig | undefined;
}

/** A loaded configuration. */
export interface Config {
  readonly listen: readonly ListenerConfig[];
  readonly admin: Address | "off";
  /** Whether the operator did not set `admin`. Then an address in use is only a warning, and /reload is not served. */
  readonly isAdminDefault: boolean;
  /** By name; `default` is the top-level `upstream`. */
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly routes: readonly RouteConfig[];
  /** The route of requests that match no other route: name "default", path "/*". */
  readonly defaultRoute: RouteConfig;
  readonly forwarded: "off" | { readonly trust: readonly string[] };
  readonly timeouts: Readonly<RawConfig["timeouts"]>;
  readonly limits: Readonly<RawConfig["limits"]>;
  readonly requestId: RawConfig["requestId"];
  readonly log: Readonly<RawConfig["log"]>;
  readonly shutdown: Readonly<RawConfig["shutdown"]>;
}
