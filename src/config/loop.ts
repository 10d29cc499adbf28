/** Finds upstreams that are headgate itself. The only file that imports node:os. */

import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { normalize } from "node:path";

import {
  type Address,
  type UpstreamUrl,
  formatAddress,
  formatUrl,
  toComparable,
  toLocalHost,
} from "./address.ts";
import type { KeyDiagnostic, KeyPath } from "./schema/issues.ts";
import type { RawConfig } from "./schema/file.ts";
import { asMapping } from "./untyped.ts";

/**
 * Finds upstreams with an address on which headgate itself listens. Each request would come back, until every connection is in use.
 *
 * Host names other than localhost are not looked up, because `check` may run on another machine and names change. The server detects
 * such a loop at run time. The admin port is no loop, because headgate itself responds there, so a route may use it as its upstream
 * (for metrics). As the default upstream it is a mistake: the admin port has taken the app's port.
 */
export function findLoops(value: unknown, raw: RawConfig | undefined): readonly KeyDiagnostic[] {
  if (raw === undefined) return [];
  const { listen, admin, upstream } = raw;
  const loops = listUpstreams(value, raw).flatMap(({ path, url }) => {
    const own = listen.find(({ address }) => isSame(address, url));
    if (own === undefined) return [];
    const message = `${formatUrl(url)} is where headgate itself listens (${formatAddress(own.address)}): each request would come back to it`;
    return [toDiagnostic(path, message)];
  });
  if (admin === "off" || upstream === undefined || !isSame(admin, upstream.url)) return loops;
  const message = `${formatUrl(upstream.url)} is headgate's own admin port (${formatAddress(admin)}): give one of them another`;
  return [...loops, toDiagnostic(toPath(["upstream"], asMapping(value)["upstream"]), message)];
}

/** An upstream's URL and its path in the file. */
interface LocatedUrl {
  readonly path: KeyPath;
  readonly url: UpstreamUrl;
}

function listUpstreams(
  value: unknown,
  { upstream, upstreams, routes }: RawConfig,
): readonly LocatedUrl[] {
  const { upstream: one, upstreams: several } = asMapping(value);
  return [
    ...(upstream === undefined ? [] : [{ path: toPath(["upstream"], one), url: upstream.url }]),
    ...Object.entries(upstreams).map(([name, { url }]) => ({
      path: toPath(["upstreams", name], asMapping(several)[name]),
      url,
    })),
    ...routes.flatMap(({ upstream: reference }, index) => {
      const url = reference?.inline?.url;
      return url === undefined ? [] : [{ path: ["routes", index, "upstream"], url }];
    }),
  ];
}

/** Returns the path of an upstream's URL: the upstream is either the URL or a mapping with the key `url`. */
function toPath(path: KeyPath, upstream: unknown): KeyPath {
  return typeof upstream === "string" ? path : [...path, "url"];
}

function toDiagnostic(path: KeyPath, message: string): KeyDiagnostic {
  return { path, at: "value", message };
}

/** Whether a connection to the URL reaches a server that listens on the address. */
function isSame(address: Address, { host, port, socketPath }: UpstreamUrl): boolean {
  if (address.kind === "fd") return false; // headgate does not know the address of an inherited socket
  if (address.kind === "unix")
    return socketPath !== undefined && normalize(socketPath) === normalize(address.path);
  if (socketPath !== undefined || address.port !== port) return false;
  const listened = toComparable(address.host);
  return toTargets(host).some((target) =>
    listened === "::" || (listened === "0.0.0.0" && isIPv4(target))
      ? isOfThisMachine(target)
      : toTargets(listened).includes(target),
  );
}

/** Returns the addresses that a connection to a host may reach, without a lookup. A wildcard leads to loopback. */
function toTargets(host: string): readonly string[] {
  const target = toComparable(host);
  return target === "localhost" ? ["127.0.0.1", "::1"] : [toLocalHost(target)];
}

function isOfThisMachine(address: string): boolean {
  return isLoopback(address) || listInterfaces().some((own) => own.address === address);
}

function isLoopback(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

/** Whether a connection to a host stays within the machine, pod or container that it comes from. */
export function staysLocal(host: string): boolean {
  return toTargets(host).every(isLoopback);
}

function listInterfaces() {
  try {
    return Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  } catch {
    return []; // some sandboxes do not allow it
  }
}
