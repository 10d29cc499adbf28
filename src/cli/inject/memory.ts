/** A warning about a small memory limit. */

import type { Settings } from "./settings.ts";

/** The smallest limit of docs/operations.md, "Sizing". */
const SMALLEST_BYTES = 96 * 1024 ** 2;

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** The chart's notes have the same warning. Empty if the limit is large enough, or not set. */
export function warnOfMemory(settings: Settings): readonly string[] {
  const limit = String(settings.get("resources.limits.memory") ?? "");
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(\D*)$/.exec(limit) ?? [];
  if (number === undefined || Number(number) * (UNITS[unit] ?? Infinity) >= SMALLEST_BYTES)
    return [];
  return [
    `resources.limits.memory ${limit}: under load headgate may need more and be killed; docs/operations.md, "Sizing", begins with 96Mi`,
  ];
}
