import type { Figures, SmallFigures } from "./measure.ts";
import {
  type Column,
  type Section,
  loadColumns,
  toTenths,
  toSections,
  toInteger,
} from "./table.ts";

const megabytes = (value: number): string => (value / 1e6).toFixed(2);

function smallColumns(read: (figures: Figures) => SmallFigures): readonly Column<Figures>[] {
  return loadColumns(read, [
    ["p50 µs", (figures) => read(figures).p50Us, toInteger],
    ["p99 µs", (figures) => read(figures).p99Us, toInteger],
  ]);
}

const SECTIONS: readonly Section<Figures>[] = [
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
      ["ms/HEAD", ({ bigHead }) => bigHead?.ms, toTenths],
    ],
  ],
  [
    "HEAD of 2 GiB, 20 in a row on one client connection",
    [
      ["bytes pulled/HEAD", ({ hugeHead }) => hugeHead?.pulledBytes, toInteger],
      [
        "upstream connections/HEAD",
        ({ hugeHead }) => hugeHead?.connections,
        (value) => value.toFixed(2),
        "without ratio",
      ],
      ["ms/HEAD", ({ hugeHead }) => hugeHead?.ms, toTenths],
    ],
  ],
  [
    "Download of 100 MB (4 at a time), memory, start",
    [
      ["MB/s", ({ download }) => download?.megabytesPerSecond, toInteger],
      ["CPU ms/100 MB", ({ download }) => download?.cpuMs, toTenths],
      ["peak RSS MB", ({ peakRssBytes }) => peakRssBytes, megabytes],
      ["ready after ms", ({ startMs }) => startMs, toInteger],
    ],
  ],
];

/** The figures of plain HTTP/1.1 as Markdown tables. */
export function toTables(all: readonly Figures[]): string {
  return toSections(SECTIONS, all);
}
