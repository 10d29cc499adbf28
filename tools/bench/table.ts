import { type WithRounds, toRatio } from "./ratios.ts";

/** A column of a table of figures. */
export type Column<F> = readonly [
  title: string,
  read: (figures: F) => number | undefined,
  format: (value: number) => string,
  /** Set if a ratio to headgate's value has no meaning. */
  ratio?: "without ratio",
];

/** A table with its title. */
export type Section<F> = readonly [title: string, columns: readonly Column<F>[]];

/** Rounds to an integer, with commas between thousands. */
export const toInteger = (value: number): string => Math.round(value).toLocaleString("en-US");
/** Rounds to one decimal place. */
export const toTenths = (value: number): string => value.toFixed(1);

interface Common {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly connections: number;
  readonly coreShare: number;
}

/** The columns that every load with small responses has; `between` stands behind the costs. */
export function loadColumns<F>(
  read: (figures: F) => Common | undefined,
  between: readonly Column<F>[] = [],
): readonly Column<F>[] {
  return [
    ["CPU µs/request", (figures) => read(figures)?.cpuUs, toTenths],
    ["requests/s", (figures) => read(figures)?.perSecond, toInteger],
    ...between,
    [
      "upstream connections/request",
      (figures) => read(figures)?.connections,
      (value) => value.toFixed(3),
      "without ratio",
    ],
    [
      "had of its core",
      (figures) => read(figures)?.coreShare,
      (value) => `${toInteger(value * 100)} %`,
      "without ratio",
    ],
  ];
}

/**
 * The figures as Markdown tables, each value with its ratio to the first row's: `84.0 (1.83×)` costs 1.83 times as much. Absolute
 * figures hold for one machine on one day; ratios within a run are comparable with other runs. A table without rows is left out.
 */
export function toSections<F extends Named>(
  sections: readonly Section<F>[],
  all: readonly F[],
): string {
  return sections
    .map(([title, columns]): [string, readonly Column<F>[], readonly F[]] => [
      title,
      columns,
      all.filter((figures) => columns.some(([, read]) => read(figures) !== undefined)),
    ])
    .filter(([, , measured]) => measured.length > 0)
    .map(([title, columns, measured]) => `### ${title}\n\n${toTable(columns, measured, all[0])}`)
    .join("\n");
}

interface Named extends WithRounds {
  readonly name: string;
}

function toTable<F extends Named>(
  columns: readonly Column<F>[],
  measured: readonly F[],
  base: F | undefined,
): string {
  const rows = measured.map((figures) => [
    figures.name,
    ...columns.map((column) => toCell(column, figures, base)),
  ]);
  return alignRows([["", ...columns.map(([title]) => title)], ...rows]);
}

function toCell<F extends Named>(
  [, read, format, ratio]: Column<F>,
  figures: F,
  base: F | undefined,
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
