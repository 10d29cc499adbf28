/** Columns for a terminal, two spaces apart, as wide as their widest cell. Nothing trails the last column. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const lines = rows.map((row) =>
    row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell))).join("  "),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Code points, not UTF-16 units: near enough for names and paths. */
function widthOf(cell: string): number {
  return Array.from(cell).length;
}
