import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Reads the resource usage of processes, summed over a process and all its descendants (nginx works in a child). */
export interface UsageReader {
  /** Processor time so far, user and system, in microseconds, with the precision of the kernel's tick of 10 ms. */
  readonly cpuUs: (pid: number) => number;
  /** The largest resident set so far. Pages that parent and child share are counted twice. */
  readonly peakRssBytes: (pid: number) => number;
  /** The resident set at present. */
  readonly rssBytes: (pid: number) => number;
}

/** Creates the reader. */
export function createUsageReader(): UsageReader {
  const ticksPerSecond =
    Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout) || 100;
  return {
    cpuUs: (pid) => (sum(tree(pid), cpuTicks) / ticksPerSecond) * 1e6,
    peakRssBytes: (pid) => sum(tree(pid), peakRssKib) * 1024,
    rssBytes: (pid) => sum(tree(pid), rssKib) * 1024,
  };
}

/** Fields 3 and later of /proc/PID/stat; the name before them may contain spaces and brackets. Empty if the process has ended. */
function statFields(pid: number): string[] {
  const text = readProc(pid, "stat");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function tree(root: number): number[] {
  const parents = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0)
    .map((pid) => ({ pid, parent: Number(statFields(pid)[1]) }));
  const members = [root];
  for (const member of members) {
    members.push(...parents.filter(({ parent }) => parent === member).map(({ pid }) => pid));
  }
  return members;
}

function cpuTicks(pid: number): number {
  const fields = statFields(pid);
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function peakRssKib(pid: number): number {
  return Number(/^VmHWM:\s*(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? 0);
}

function rssKib(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? 0);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function sum(pids: readonly number[], read: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + read(pid), 0);
}
