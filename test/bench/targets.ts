import type { Figures } from "./measure.ts";

interface Target {
  readonly text: string;
  readonly limit: number;
  readonly direction: "at most" | "at least";
  /** undefined when a peer that it compares with was not measured. */
  readonly value: (find: (name: string) => Figures | undefined) => number | undefined;
}

const TARGETS: readonly Target[] = [
  {
    text: "CPU per GET, as a part of bare http-proxy's",
    limit: 0.7,
    direction: "at most",
    value: (find) => divide(find("headgate")?.get.cpuUs, find("http-proxy")?.get.cpuUs),
  },
  {
    text: "CPU per HEAD, as a part of bare http-proxy's",
    limit: 0.7,
    direction: "at most",
    value: (find) => divide(find("headgate")?.head.cpuUs, find("http-proxy")?.head.cpuUs),
  },
  {
    text: "CPU per HEAD, as a part of nginx's",
    limit: 0.65,
    direction: "at most",
    value: (find) => divide(find("headgate")?.head.cpuUs, find("nginx")?.head.cpuUs),
  },
  {
    text: "CPU per HEAD with share: 1s, as a part of HAProxy's",
    limit: 1,
    direction: "at most",
    value: (find) => divide(find("headgate-share")?.head.cpuUs, find("haproxy")?.head.cpuUs),
  },
  {
    text: "CPU per GET with log: { access: all }, by that without",
    limit: 1.15,
    direction: "at most",
    value: (find) => divide(find("headgate-log")?.get.cpuUs, find("headgate")?.get.cpuUs),
  },
  {
    text: "CPU per HEAD with log: { access: all }, by that without",
    limit: 1.15,
    direction: "at most",
    value: (find) => divide(find("headgate-log")?.head.cpuUs, find("headgate")?.head.cpuUs),
  },
  {
    text: "bytes pulled for a HEAD of 2 GiB with range: probe",
    limit: 1,
    direction: "at most",
    value: (find) => find("headgate-probe")?.hugeHead?.pulledBytes,
  },
  {
    text: "download throughput, as a part of bare http-proxy's",
    limit: 1,
    direction: "at least",
    value: (find) =>
      divide(
        find("headgate")?.download?.megabytesPerSecond,
        find("http-proxy")?.download?.megabytesPerSecond,
      ),
  },
  {
    text: "peak RSS under all of this load, MB",
    limit: 100,
    direction: "at most",
    value: (find) => divide(find("headgate")?.peakRssBytes, 1e6),
  },
  {
    text: "ready after the start of the process, ms",
    limit: 150,
    direction: "at most",
    value: (find) => find("headgate")?.startMs,
  },
];

/** What headgate promises of its speed and whether this run kept it, as a Markdown list; empty when headgate was not measured. */
export function toVerdicts(all: readonly Figures[]): string {
  const find = (name: string): Figures | undefined => all.find((figures) => figures.name === name);
  return TARGETS.map((target) => toVerdict(target, target.value(find))).join("");
}

function toVerdict({ text, limit, direction }: Target, value: number | undefined): string {
  if (value === undefined) return "";
  const isKept = direction === "at most" ? value <= limit : value >= limit;
  const shown = value < 10 ? value.toFixed(2) : value.toFixed(0);
  return `- ${isKept ? "reached" : "**missed**"}: ${text}: ${shown} (${direction} ${limit})\n`;
}

function divide(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined ? undefined : part / whole;
}
