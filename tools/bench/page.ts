import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";
import { type Figures, ROUND_SECONDS } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Peer } from "./peers.ts";
import { toRatios } from "./ratios.ts";
import { routerTable } from "./router.ts";
import { toTables } from "./tables.ts";
import { toVerdicts } from "./targets.ts";

const PAGE = fileURLToPath(new URL("../../docs/internals/performance.md", import.meta.url));
const BEGIN =
  "<!-- bench:begin: everything to bench:end is written by `npm run bench -- --write` -->";
const END = "<!-- bench:end -->";

/** The report of a run as Markdown: conditions and figures. */
export function toReport(figures: readonly Figures[], conditions: string): string {
  const verdicts = toVerdicts(figures);
  const promises = verdicts === "" ? "" : `### What headgate promises\n\n${verdicts}\n`;
  return `${conditions}- In brackets: the ratio to ${figures[0]?.name}\n\n${promises}${toTables(figures)}\n${routerTable()}\n`;
}

/** The report for programs: the same figures, unrounded. */
export function toJson(figures: readonly Figures[], conditions: string): string {
  const [base] = figures;
  const peers = figures.map((one) => ({
    ...one,
    ratios: base === undefined ? {} : toRatios(one, base),
  }));
  return JSON.stringify({ conditions, ratiosTo: base?.name, peers }, undefined, 2);
}

/** The machine, the versions and the length of the run, as a Markdown list. */
export function toConditions(bench: Bench, peers: readonly Peer[], { rounds }: Options): string {
  const gibibytes = (os.totalmem() / 2 ** 30).toFixed(0);
  const lines = [
    `Taken on ${new Date().toISOString().slice(0, 10)}: ${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? "unknown"}, ` +
      `${gibibytes} GiB, Linux ${os.release()}, ${readDistribution()}, Node ${process.version}`,
    `${rounds} rounds of ${ROUND_SECONDS} s for each peer and load, in turn; medians; ${bench.cores.text}`,
    ...peers.map(({ name, version, about }) => `${name} (${version}): ${about}`),
  ];
  return `${lines.map((line) => `- ${line}`).join("\n")}\n`;
}

/** Writes a report between the markers of docs/internals/performance.md. Throws if the markers are missing. */
export function writePage(report: string): void {
  const page = readFileSync(PAGE, "utf8");
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost its markers:\n${BEGIN}\n${END}`);
  writeFileSync(PAGE, `${page.slice(0, begin)}${BEGIN}\n\n${report}\n${page.slice(end)}`);
}

function readDistribution(): string {
  const release = readFileSync("/etc/os-release", "utf8");
  return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(release)?.[1] ?? "unknown distribution";
}
