/** The resources of a process, and the check that it released all of them. */

import { readdirSync, readlinkSync } from "node:fs";

/** The resources that a process holds. */
export interface Holdings {
  /** Open files by kind, `socket`, `pipe`, … */
  readonly files: Readonly<Record<string, number>>;
}

/** Reads the resources from /proc. */
export function readHoldings(pid: number): Holdings {
  const files: Record<string, number> = {};
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${name}`);
    if (kind !== undefined) files[kind] = (files[kind] ?? 0) + 1;
  }
  return { files };
}

// `socket:[123]`, `pipe:[4]`, `anon_inode:[eventpoll]`, or a path. Undefined: closed between the listing and the read.
function kindOf(path: string): string | undefined {
  try {
    return readlinkSync(path).replace(/:\[\d+\]$/, "");
  } catch {
    return undefined;
  }
}

/** The value of a metric: the sum over its labels. */
function readMetric(page: string, name: string): number {
  const lines = page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Gauges that must be 0 while no client sends requests. */
const GAUGES = [
  "headgate_client_connections",
  "headgate_upstream_connections",
  "headgate_tunnels",
  "headgate_requests_in_flight",
] as const;

/** One sentence for each leftover. `timers`: nodejs_active_resources, which counts what keeps node running. */
export function findLeftovers(
  before: { readonly holdings: Holdings; readonly page: string },
  after: { readonly holdings: Holdings; readonly page: string },
): readonly string[] {
  const gauges = GAUGES.map((name) => [name, readMetric(after.page, name)] as const)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${name} is ${value}`);
  const kinds = new Set([
    ...Object.keys(before.holdings.files),
    ...Object.keys(after.holdings.files),
  ]);
  const files = [...kinds]
    .map(
      (kind) => [kind, before.holdings.files[kind] ?? 0, after.holdings.files[kind] ?? 0] as const,
    )
    .filter(([, was, is]) => is > was)
    .map(([kind, was, is]) => `${is} open of ${kind}, ${was} at the start`);
  const resources = ["nodejs_active_resources_total", "nodejs_active_handles_total"]
    .map((name) => [name, readMetric(before.page, name), readMetric(after.page, name)] as const)
    .filter(([, was, is]) => is > was)
    .map(([name, was, is]) => `${name} is ${is}, ${was} at the start`);
  return [...gauges, ...files, ...resources];
}
