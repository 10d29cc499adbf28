import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The division of cores: the proxy under test runs alone on one core, everything else on another. */
export interface Cores {
  /** The prefix for the command of a proxy. */
  readonly proxyPrefix: readonly string[];
  readonly text: string;
}

/**
 * Moves this process, and with it every child that it starts later, to the load's core, and returns the prefix that gives a proxy its own
 * core. It chooses from the cores that this process may use: inside a container these are rarely 0 and 1.
 */
export function splitCores(): Cores {
  const [proxy, load] = allowedCores();
  const moved =
    load !== undefined &&
    spawnSync("taskset", ["-a", "-p", "-c", String(load), String(process.pid)]).status === 0;
  if (proxy === undefined || !moved) {
    return {
      proxyPrefix: [],
      text: "not pinned (this needs two cores and taskset): the figures are rough",
    };
  }
  return {
    proxyPrefix: ["taskset", "-c", String(proxy)],
    text: `the proxy under test alone on core ${proxy}, backend and load generator on core ${load}`,
  };
}

function allowedCores(): number[] {
  const list =
    /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
