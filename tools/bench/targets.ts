import type { Figures } from "./measure.ts";
import { toRatio } from "./ratios.ts";

interface Target {
  readonly text: string;
  readonly limit: number;
  readonly direction: "at most" | "at least";
  /** Undefined if a peer of the comparison was not measured. */
  readonly value: (find: (name: string) => Figures | undefined) => number | undefined;
}

const TARGETS: readonly Target[] = [
  {
    text: "CPU per GET, as a part of bare http-proxy's",
    limit: 0.7,
    direction: "at most",
    value: (find) => toRatio(({ get }) => get.cpuUs, find("headgate"), find("http-proxy")),
  },
  {
    text: "CPU per HEAD, as a part of bare http-proxy's",
    limit: 0.7,
    direction: "at most",
    value: (find) => toRatio(({ head }) => head.cpuUs, find("headgate"), find("http-proxy")),
  },
  {
    text: "CPU per HEAD, as a part of nginx's",
    limit: 0.65,
    direction: "at most",
    value: (find) => toRatio(({ head }) => head.cpuUs, find("headgate"), find("nginx")),
  },
  {
    text: "CPU per HEAD with share: 1s, as a part of HAProxy's",
    limit: 1,
    direction: "at most",
    value: (find) => toRatio(({ head }) => head.cpuUs, find("headgate-share"), find("haproxy")),
  },
  {
    text: "CPU per GET with log: { access: all }, by that without",
    limit: 1.15,
    direction: "at most",
    value: (find) => toRatio(({ get }) => get.cpuUs, find("headgate-log"), find("headgate")),
  },
  {
    text: "CPU per HEAD with log: { access: all }, by that without",
    limit: 1.15,
    direction: "at most",
    value: (find) => toRatio(({ head }) => head.cpuUs, find("headgate-log"), find("headgate")),
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
      toRatio(({ download }) => download?.megabytesPerSecond, find("headgate"), find("http-proxy")),
  },
  {
    text: "peak RSS under all of this load, MB",
    limit: 100,
    direction: "at most",
    value: (find) => toMegabytes(find("headgate")?.peakRssBytes),
  },
  {
    text: "ready after the start of the process, ms",
    limit: 150,
    direction: "at most",
    value: (find) => find("headgate")?.startMs,
  },
];

/** headgate's performance targets and whether this run met them, as a Markdown list; empty if headgate was not measured. */
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

function toMegabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 1e6;
}
