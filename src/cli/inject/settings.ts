/** The settings of `--set`: the chart's values for the container, with the chart's names and defaults. */

import { didYouMean } from "../../config/hints/did-you-mean.ts";
import { UsageError } from "../flags.ts";

/** A value that `--set` sets or removes. */
export type Setting = string | number | boolean | undefined;

/** Settings by their path, such as `resources.limits.memory`. */
export type Settings = ReadonlyMap<string, Setting>;

const QUANTITY = /^\d+(?:\.\d+)?(?:m|[kMGT]i?)?$/;

/** A test compares the defaults with the chart's values.yaml. Undefined: the chart sets none. */
export const DEFAULTS: Settings = new Map<string, Setting>([
  ["bindAddress", "0.0.0.0"],
  ["ports.admin", 9090],
  ["image.pullPolicy", "IfNotPresent"],
  ["config.existingConfigMap", ""],
  ["resources.requests.cpu", "25m"],
  ["resources.requests.memory", "64Mi"],
  ["resources.limits.cpu", undefined],
  ["resources.limits.memory", "192Mi"],
  ["securityContext.runAsNonRoot", true],
  ["securityContext.runAsUser", 65532],
  ["securityContext.runAsGroup", 65532],
  ["securityContext.readOnlyRootFilesystem", true],
  ["securityContext.allowPrivilegeEscalation", false],
  ["startupProbe.periodSeconds", 1],
  ["startupProbe.failureThreshold", 60],
  ["startupProbe.timeoutSeconds", undefined],
  ["readinessProbe.periodSeconds", 5],
  ["readinessProbe.failureThreshold", 2],
  ["readinessProbe.timeoutSeconds", undefined],
  ["livenessProbe.periodSeconds", 10],
  ["livenessProbe.failureThreshold", 3],
  ["livenessProbe.timeoutSeconds", undefined],
  // Clusters that need --ordinary do not support preStop.sleep, so unlike the chart's this default is 0.
  ["shutdown.delaySeconds", 0],
]);

/** What a value must be, as the chart's values.schema.json has it. */
interface Rule {
  readonly allows: RegExp;
  /** Ends the sentence `"x" is …`. */
  readonly otherwise: string;
}

const RULES: ReadonlyMap<string, Rule> = new Map([
  [
    "bindAddress",
    {
      allows: /^(?:[\d.]+|\[[\da-f:.]+\])$/i,
      otherwise: "no IP address; IPv6 stands in brackets",
    },
  ],
  [
    "image.pullPolicy",
    { allows: /^(?:Always|IfNotPresent|Never)$/, otherwise: "not Always, IfNotPresent or Never" },
  ],
]);
/** headgate is no root, and may not listen on a lower one. */
export const MIN_PORT = 1024;
const MAX_PORT = 65_535;

/** Values that inject sets itself. */
const TAKEN: Readonly<Record<string, string>> = {
  HEADGATE_LISTEN: "--port and --set bindAddress=…",
  HEADGATE_ADMIN: "--set ports.admin=…",
  HEADGATE_CONFIG: "--config or --set config.existingConfigMap=…",
  HEADGATE_UPSTREAM: "--upstream-port, or upstream in the route file",
};

/**
 * Combines the defaults with the command line's values. `ports.admin` is set only if the command line has it: inject may replace the default
 * port by another one, but not the operator's. Throws a UsageError for an unknown setting.
 */
export function readSettings(given: readonly string[]): Settings {
  const settings = new Map(DEFAULTS);
  settings.delete("ports.admin");
  for (const one of given) {
    const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
    if (key === "") throw new UsageError(`--set: "${one}" is not KEY=VALUE`);
    settings.set(key, toSetting(key, value));
  }
  return settings;
}

function toSetting(key: string, value: string): Setting {
  if (key.startsWith("env.")) return toVariable(key.slice("env.".length), value);
  if (!DEFAULTS.has(key)) {
    const known = [...DEFAULTS.keys(), "env.NAME"];
    throw new UsageError(`--set: there is no ${key}${didYouMean(key, known)}`);
  }
  if (key.startsWith("resources.")) {
    if (value !== "" && !QUANTITY.test(value))
      throw new UsageError(`--set ${key}: "${value}" is no quantity, such as 50m or 192Mi`);
    return value === "" ? undefined : value;
  }
  const standard = DEFAULTS.get(key);
  const rule = RULES.get(key);
  if (rule?.allows.test(value) === false)
    throw new UsageError(`--set ${key}: "${value}" is ${rule.otherwise}`);
  if (typeof standard === "string") return value;
  if (value === "") return undefined;
  if (typeof standard === "boolean") {
    if (!/^(?:true|false)$/.test(value)) throw new UsageError(`--set ${key}: write true or false`);
    return value === "true";
  }
  return toNumber(key, value);
}

function toNumber(key: string, value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new UsageError(`--set ${key}: "${value}" is no whole number`);
  const number = Number(value);
  if (key === "ports.admin" && (number < MIN_PORT || number > MAX_PORT))
    throw new UsageError(`--set ${key}: "${value}" is no port from ${MIN_PORT} to ${MAX_PORT}`);
  if (key.includes("Probe.") && number < 1)
    throw new UsageError(`--set ${key}: "${value}" is less than 1`);
  return number;
}

function toVariable(name: string, value: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new UsageError(`--set: "${name}" is no name of an environment variable`);
  const instead = TAKEN[name];
  if (instead !== undefined) throw new UsageError(`--set env.${name}: use ${instead}`);
  return value;
}
