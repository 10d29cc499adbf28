/** One line of the report. */

export interface Row {
  readonly subject: string;
  readonly what: string;
  readonly figure: string;
  /** What headgate promises; empty where there is no promise. */
  readonly promise: string;
  /** Undefined where nothing is promised of this subject. */
  readonly isKept: boolean | undefined;
}

/** A Markdown table. */
export function toTable(rows: readonly Row[]): string {
  const head = ["| | | figure | promise | |", "| --- | --- | --- | --- | --- |"];
  const lines = rows.map(({ subject, what, figure, promise, isKept }) => {
    const verdict = isKept === undefined ? "" : isKept ? "kept" : "BROKEN";
    return `| ${subject} | ${what} | ${figure} | ${promise} | ${verdict} |`;
  });
  return [...head, ...lines].join("\n");
}

export function toMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
