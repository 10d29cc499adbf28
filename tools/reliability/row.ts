/** One line of the report. */

/** One line of the report. */
export interface Row {
  readonly subject: string;
  readonly what: string;
  readonly figure: string;
  /** headgate's promise; empty without a promise. */
  readonly promise: string;
  /** Undefined if there is no promise for this subject. */
  readonly isMet: boolean | undefined;
}

/** Formats a Markdown table. */
export function toTable(rows: readonly Row[]): string {
  const head = ["| | | figure | promise | |", "| --- | --- | --- | --- | --- |"];
  const lines = rows.map(({ subject, what, figure, promise, isMet }) => {
    const verdict = isMet === undefined ? "" : isMet ? "kept" : "BROKEN";
    return `| ${subject} | ${what} | ${figure} | ${promise} | ${verdict} |`;
  });
  return [...head, ...lines].join("\n");
}

/** Formats milliseconds. */
export function toMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
