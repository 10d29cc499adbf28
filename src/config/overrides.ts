/** Flags and environment variables that override the route file. */

import { formatAddress, formatUrl, parseAddressOrOff, parseUpstreamUrl } from "./address.ts";
import type { KeyPath } from "./schema/issues.ts";
import { isScalar } from "./hints/guess.ts";
import { asMapping } from "./untyped.ts";
import type { Environment } from "./variables.ts";

/** The settings of the command line, unparsed. */
export interface Flags {
  readonly config?: string | undefined;
  readonly listen?: string | undefined;
  readonly upstream?: string | undefined;
  readonly admin?: string | undefined;
  readonly logLevel?: string | undefined;
}

/** One value that does not come from the file. */
export interface Override {
  readonly path: KeyPath;
  readonly value: string;
  /** `--listen` or `HEADGATE_LISTEN`: named in a diagnostic of the value. */
  readonly source: string;
}

const SETTINGS = [
  { flag: "listen", option: "--listen", variable: "HEADGATE_LISTEN", path: ["listen"] },
  { flag: "upstream", option: "--upstream", variable: "HEADGATE_UPSTREAM", path: ["upstream"] },
  { flag: "admin", option: "--admin", variable: "HEADGATE_ADMIN", path: ["admin"] },
  {
    flag: "logLevel",
    option: "--log-level",
    variable: "HEADGATE_LOG_LEVEL",
    path: ["log", "level"],
  },
] as const;

/**
 * Collects the overrides. Flags override environment variables. An empty variable counts as unset, because Compose sets
 * `HEADGATE_ADMIN: ${ADMIN}` to an empty text if ADMIN is unset.
 */
export function collectOverrides(flags: Flags, env: Environment): readonly Override[] {
  return SETTINGS.flatMap(({ flag, option, variable, path }): readonly Override[] => {
    const given = flags[flag];
    if (given !== undefined) return [{ path, value: given, source: option }];
    const value = env[variable];
    return value === undefined || value === "" ? [] : [{ path, value, source: variable }];
  });
}

/** The key in a mapping that an override replaces. */
const MAIN_KEYS: Readonly<Record<string, string>> = { upstream: "url", listen: "address" };

/** If the file's upstream or listener is a mapping, an override replaces only its URL or address. The other keys stay. */
export function aimAtMappings(overrides: readonly Override[], value: unknown): readonly Override[] {
  return overrides.map((override) => {
    const [key = ""] = override.path.map(String);
    const main = MAIN_KEYS[key];
    const hasMapping = Object.keys(asMapping(asMapping(value)[key])).length > 0;
    return main !== undefined && hasMapping ? { ...override, path: [key, main] } : override;
  });
}

/** Whether an override and the file's value mean the same, such as `:8080` and `0.0.0.0:8080`. */
export function isSameSetting({ path: [key], value }: Override, given: unknown): boolean {
  return isScalar(given) && toMeaning(key, value) === toMeaning(key, String(given));
}

function toMeaning(key: PropertyKey | undefined, text: string): string {
  try {
    if (key === "upstream") return formatUrl(parseUpstreamUrl(text));
    if (key !== "listen" && key !== "admin") return text;
    const address = parseAddressOrOff(text);
    return address === "off" ? address : formatAddress(address);
  } catch {
    return text; // the file's value may be invalid, because it has no effect
  }
}

/**
 * Returns the address of an inherited socket: systemd passes sockets from descriptor 3 to the process that LISTEN_PID names
 * (sd_listen_fds(3)). It is only a default; the route file, HEADGATE_LISTEN and --listen override it.
 */
export function inheritedListen(env: Environment, pid: number | undefined): string | undefined {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  const isForOther =
    env["LISTEN_PID"] !== undefined && pid !== undefined && env["LISTEN_PID"] !== String(pid);
  return count >= 1 && !isForOther ? "fd:3" : undefined;
}

/**
 * Returns the default address of the admin port that an image or a chart sets, as probes come from outside the container. The route
 * file, HEADGATE_ADMIN and --admin override it.
 */
export function defaultAdmin(env: Environment): string | undefined {
  return env[ADMIN_DEFAULT] || undefined;
}

/** The environment variable that `defaultAdmin` reads. */
export const ADMIN_DEFAULT = "HEADGATE_ADMIN_DEFAULT";

/** Returns a copy of the value with the overrides applied. */
export function applyOverrides(value: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((tree, { path, value: given }) => setAt(tree, path, given), value);
}

function setAt(tree: unknown, [key, ...rest]: KeyPath, value: string): unknown {
  if (typeof key !== "string") return value;
  // A list or a text in place of a mapping stays, so that the schema reports it.
  if (tree !== undefined && (typeof tree !== "object" || tree === null || Array.isArray(tree)))
    return tree;
  return Object.assign(Object.create(null), tree, {
    [key]: setAt(asMapping(tree)[key], rest, value),
  });
}
