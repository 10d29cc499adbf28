/** A Markdown table of rows, the first of which is the header; padded as formatters want it, so that formatting changes nothing. */
export function toTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const [header = [], ...body] = cells;
  const widths = header.map((_, column) =>
    Math.max(3, ...cells.map((row) => Array.from(row[column] ?? "").length)),
  );
  const toLine = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - Array.from(cell).length)).join(" | ")} |\n`;
  return [
    toLine(header),
    toLine(widths.map((width) => "-".repeat(width))),
    ...body.map(toLine),
  ].join("");
}
