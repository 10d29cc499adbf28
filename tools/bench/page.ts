import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";
import { type Figures, ROUND_SECONDS } from "./measure.ts";
import type { Options } from "./options.ts";
import { readH2loadVersion, TLS_TEXT } from "./over-tls/h2load.ts";
import type { TlsFigures } from "./over-tls/measure.ts";
import { toTlsTables } from "./over-tls/tables.ts";
import type { Peer } from "./peers.ts";
import { type WithRounds, toRatios } from "./ratios.ts";
import { routerTable } from "./router.ts";
import { toTables } from "./tables.ts";
import { toVerdicts } from "./targets.ts";

const PAGE = fileURLToPath(new URL("../../docs/internals/performance.md", import.meta.url));
const BEGIN =
  "<!-- bench:begin: everything to bench:end is written by `npm run bench -- --write` -->";
const END = "<!-- bench:end -->";

/** The figures of a run. */
export interface RunFigures {
  readonly plain: readonly Figures[];
  readonly overTls: readonly TlsFigures[];
}

/** The report of a run as Markdown: conditions and figures. */
export function toReport({ plain, overTls }: RunFigures, conditions: string): string {
  const verdicts = toVerdicts(plain);
  const promises = verdicts === "" ? "" : `### What headgate promises\n\n${verdicts}\n`;
  const tables = [
    ...(plain.length > 0 ? [toTables(plain)] : []),
    ...(overTls.length > 0 ? [toTlsTables(overTls)] : []),
  ];
  const base = (plain[0] ?? overTls[0])?.name;
  return `${conditions}- In brackets: the ratio to ${base}\n\n${promises}${tables.join("\n")}\n${routerTable()}\n`;
}

/** The report for programs: the same figures, unrounded. */
export function toJson({ plain, overTls }: RunFigures, conditions: string): string {
  const ratiosTo = (plain[0] ?? overTls[0])?.name;
  const report = {
    conditions,
    ratiosTo,
    peers: withRatios(plain),
    peersOverTls: withRatios(overTls),
  };
  return JSON.stringify(report, undefined, 2);
}

function withRatios(figures: readonly WithRounds[]): readonly object[] {
  const [base] = figures;
  return figures.map((one) => ({ ...one, ratios: base === undefined ? {} : toRatios(one, base) }));
}

/** The machine, the versions and the length of the run, as a Markdown list. */
export function toConditions(
  bench: Bench,
  peers: readonly Peer[],
  { rounds, clients }: Options,
): string {
  const h2load = clients.includes("tls") ? readH2loadVersion() : undefined;
  const gibibytes = (os.totalmem() / 2 ** 30).toFixed(0);
  const lines = [
    `Taken on ${new Date().toISOString().slice(0, 10)}: ${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? "unknown"}, ` +
      `${gibibytes} GiB, Linux ${os.release()}, ${readDistribution()}, Node ${process.version}`,
    `${rounds} rounds of ${ROUND_SECONDS} s for each peer and load, in turn; medians; ${bench.cores.text}`,
    ...(h2load === undefined
      ? []
      : [`over TLS: ${TLS_TEXT}; load by h2load ${h2load}, of HEADs with HTTP/1.1 by load.c`]),
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
