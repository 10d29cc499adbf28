import type { Figures, SmallFigures } from "./measure.ts";
import { toRatio } from "./ratios.ts";

type Column = readonly [
  title: string,
  read: (figures: Figures) => number | undefined,
  format: (value: number) => string,
  /** Set if a ratio to headgate's value has no meaning. */
  ratio?: "without ratio",
];

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const tenths = (value: number): string => value.toFixed(1);
const megabytes = (value: number): string => (value / 1e6).toFixed(2);

function smallColumns(read: (figures: Figures) => SmallFigures | undefined): readonly Column[] {
  return [
    ["CPU µs/request", (figures) => read(figures)?.cpuUs, tenths],
    ["requests/s", (figures) => read(figures)?.perSecond, whole],
    ["p50 µs", (figures) => read(figures)?.p50Us, whole],
    ["p99 µs", (figures) => read(figures)?.p99Us, whole],
    [
      "upstream connections/request",
      (figures) => read(figures)?.connections,
      (value) => value.toFixed(3),
      "without ratio",
    ],
    [
      "had of its core",
      (figures) => read(figures)?.coreShare,
      (value) => `${whole(value * 100)} %`,
      "without ratio",
    ],
  ];
}

const SECTIONS: readonly (readonly [title: string, columns: readonly Column[]])[] = [
  ["GET, 15 bytes, 32 connections", smallColumns(({ get }) => get)],
  ["HEAD, 15 bytes, 32 connections", smallColumns(({ head }) => head)],
  [
    "HEAD of 100 MB, 20 in a row on one client connection",
    [
      ["MB pulled/HEAD", ({ bigHead }) => bigHead?.pulledBytes, megabytes],
      [
        "upstream connections/HEAD",
        ({ bigHead }) => bigHead?.connections,
        (value) => value.toFixed(2),
        "without ratio",
      ],
      ["ms/HEAD", ({ bigHead }) => bigHead?.ms, tenths],
    ],
  ],
  [
    "HEAD of 2 GiB, 20 in a row on one client connection",
    [
      ["bytes pulled/HEAD", ({ hugeHead }) => hugeHead?.pulledBytes, whole],
      [
        "upstream connections/HEAD",
        ({ hugeHead }) => hugeHead?.connections,
        (value) => value.toFixed(2),
        "without ratio",
      ],
      ["ms/HEAD", ({ hugeHead }) => hugeHead?.ms, tenths],
    ],
  ],
  [
    "Download of 100 MB (4 at a time), memory, start",
    [
      ["MB/s", ({ download }) => download?.megabytesPerSecond, whole],
      ["CPU ms/100 MB", ({ download }) => download?.cpuMs, tenths],
      ["peak RSS MB", ({ peakRssBytes }) => peakRssBytes, megabytes],
      ["ready after ms", ({ startMs }) => startMs, whole],
    ],
  ],
];

/**
 * The figures as Markdown tables, each value with its ratio to the first row's: `84.0 (1.83×)` costs 1.83 times as much. Absolute
 * figures hold for one machine on one day; ratios within a run are comparable with other runs.
 */
export function toTables(all: readonly Figures[]): string {
  return SECTIONS.map(([title, columns]) => `### ${title}\n\n${toTable(all, columns)}`).join("\n");
}

function toTable(all: readonly Figures[], columns: readonly Column[]): string {
  const rows = all
    .filter((figures) => columns.some(([, read]) => read(figures) !== undefined))
    .map((figures) => [figures.name, ...columns.map((column) => toCell(column, figures, all[0]))]);
  return alignRows([["", ...columns.map(([title]) => title)], ...rows]);
}

function toCell(
  [, read, format, ratio]: Column,
  figures: Figures,
  base: Figures | undefined,
): string {
  const value = read(figures);
  if (value === undefined) return "–";
  const by =
    figures === base || ratio === "without ratio" ? undefined : toRatio(read, figures, base);
  return by === undefined ? format(value) : `${format(value)} (${by.toFixed(by < 10 ? 2 : 0)}×)`;
}

/** Aligns names left and numbers right in columns of equal width, so that the table is readable as plain text. */
function alignRows(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  const pad = (row: readonly string[]): string => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${cells.join(" | ")} |`;
  };
  const [header = [], ...body] = rows;
  return `${[header, rule, ...body].map(pad).join("\n")}\n`;
}
