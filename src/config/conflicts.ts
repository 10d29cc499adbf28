/** Finds settings that are valid one by one, but not together. */

import { formatAddress, overlap } from "./address.ts";
import { formatKey } from "./diagnostic.ts";
import { findLoops } from "./loop.ts";
import { checkRoutes } from "./routes.ts";
import type { RawConfig } from "./schema/file.ts";
import type { KeyDiagnostic } from "./schema/issues.ts";
import { asMapping } from "./untyped.ts";

const FLAGS_OF_URL = "--upstream or HEADGATE_UPSTREAM";

/** What is known of the configuration besides its values. */
interface Known {
  /** Whether the operator did not set the admin address. */
  readonly isAdminDefault: boolean;
  /** The line of a route's path in the file, if there is a file. */
  lineOfRoute(index: number): number | undefined;
}

/** Finds the conflicts. `raw` is the checked `value`; undefined if it is invalid. */
export function findConflicts(
  value: unknown,
  raw: RawConfig | undefined,
  { isAdminDefault, lineOfRoute }: Known,
): readonly KeyDiagnostic[] {
  return [
    ...findMissingUpstream(value),
    ...checkRoutes(value, lineOfRoute),
    ...findTakenAddress(value, raw, isAdminDefault),
    ...findUntrustedProxies(value, raw),
    ...findLoops(value, raw),
  ];
}

/** The schema does not require an upstream: a flag or a variable may set it, or add the URL to its mapping. */
function findMissingUpstream(value: unknown): readonly KeyDiagnostic[] {
  if (asMapping(value)["upstream"] !== undefined) return [];
  const message = `is missing: say where requests go, by upstream in the route file, ${FLAGS_OF_URL}`;
  return [{ path: ["upstream"], at: "key", message }];
}

/** Adds to the schema's message about a missing URL which flag and variable set the one of the top level. */
export function withFlagsOfUrl(diagnostic: KeyDiagnostic): KeyDiagnostic {
  const { path, message } = diagnostic;
  return formatKey(path) === "upstream.url" && message.startsWith("is missing")
    ? { ...diagnostic, message: `${message}, here, by ${FLAGS_OF_URL}` }
    : diagnostic;
}

/** headgate would bind the first address and then fail to bind the second, with an error that blames another process. */
function findTakenAddress(
  value: unknown,
  raw: RawConfig | undefined,
  isAdminDefault: boolean,
): readonly KeyDiagnostic[] {
  if (raw === undefined) return [];
  const isList = Array.isArray(asMapping(value)["listen"]);
  const places = raw.listen.map(({ address }, index) => ({
    address,
    path: isList ? ["listen", index] : ["listen"],
  }));
  if (raw.admin !== "off" && !isAdminDefault) places.push({ address: raw.admin, path: ["admin"] });
  return places.flatMap(({ address, path }, index): readonly KeyDiagnostic[] => {
    const taken = places.slice(0, index).find((other) => overlap(other.address, address));
    if (taken === undefined) return [];
    const wayOut = path[0] === "admin" ? "choose another, or off" : "choose another";
    const message = `${formatAddress(address)} is taken by ${formatKey(taken.path)}, ${formatAddress(taken.address)}: ${wayOut}`;
    return [{ path, at: "value", message }];
  });
}

/** Without trusted peers, no PROXY protocol header could be believed. */
function findUntrustedProxies(
  value: unknown,
  raw: RawConfig | undefined,
): readonly KeyDiagnostic[] {
  if (raw === undefined) return [];
  const { forwarded } = raw;
  const { listen } = asMapping(value);
  return raw.listen.flatMap(({ proxyProtocol, address }, index): readonly KeyDiagnostic[] => {
    // All peers of a Unix socket are trusted, and an inherited socket may be one.
    const isEmpty = forwarded !== "off" && forwarded.trust.length === 0 && address.kind === "tcp";
    if (proxyProtocol === false || (forwarded !== "off" && !isEmpty)) return [];
    const path = [...(Array.isArray(listen) ? ["listen", index] : ["listen"]), "proxyProtocol"];
    const reason = isEmpty ? "it is empty" : "forwarded is off";
    const message = `needs forwarded.trust, which says who may send such headers; ${reason}`;
    return [{ path, at: "key", message }];
  });
}
