/** The report for people: a table of 80 columns, the endpoints that were not tried, a summary and the next command. */

import { toPrintable } from "../../ops/log/printable.ts";
import { type Verdict, isWrong } from "./compare.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { Examined } from "./examine.ts";
import { toNext } from "./next.ts";
import type { NotTried } from "./parameters.ts";
import type { Observation } from "./observation.ts";
import { toPhrases, toRemedy, toStatus } from "./words.ts";

type Colour = "red" | "yellow" | "green" | "plain";
const CODES: Readonly<Record<Colour, string>> = {
  red: "31",
  yellow: "33",
  green: "32",
  plain: "0",
};

/** Columns of a terminal. */
const WIDTH = 80;
const GAP = "  ";
/** ENDPOINT, GET, HEAD, VERDICT, HEADGATE: the first column grows up to this width, the others are fixed. */
const MAX_ENDPOINT = 28;
const STATUS_WIDTH = 4;
const REMEDY_WIDTH = 18;
const MAX_NOT_TRIED = 20;

/** Formats the report. */
export function formatReport(diagnosis: Diagnosis, colours: "colours" | "plain"): string {
  const { examined, notTried, source, throughUrl } = diagnosis;
  const paint = colours === "colours" ? toPainted : (text: string) => text;
  const parts = [
    toLines(toPrintable(source, 1_000)),
    examined.length === 0 ? "" : formatRows(examined, throughUrl !== undefined, paint),
    formatNotTried(notTried),
    formatSummary(diagnosis),
    formatNext(diagnosis),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

type Paint = (text: string, colour: Colour) => string;

function toPainted(text: string, colour: Colour): string {
  return colour === "plain" ? text : `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}

function formatRows(examined: readonly Examined[], hasThrough: boolean, paint: Paint): string {
  const names = examined.map(({ endpoint }) => toPrintable(endpoint.shown, 500));
  const longest = Math.max("ENDPOINT".length, ...names.map((name) => name.length));
  const first = Math.min(MAX_ENDPOINT, longest);
  const verdictWidth = WIDTH - first - 2 * STATUS_WIDTH - REMEDY_WIDTH - 4 * GAP.length;
  const widths = [first, STATUS_WIDTH, STATUS_WIDTH, verdictWidth, REMEDY_WIDTH];
  const last = hasThrough ? "THROUGH HEADGATE" : "HEADGATE";
  const header = formatRow(
    ["ENDPOINT", "GET", "HEAD", "VERDICT", last].map((cell) => [cell]),
    {
      widths,
      colours: [],
      paint,
    },
  );
  const rows = examined.map(({ direct, verdict, through }, index) => {
    const verdictCell = toPhrases(verdict, direct).join("; ");
    const lastCell =
      through === undefined
        ? toRemedy(verdict, direct)
        : toThroughWords(through.verdict, through.observation);
    const cells = [
      wrap(names[index] ?? "", first, /(?<=[/?&])/),
      [toStatus(direct.get)],
      [toStatus(direct.head)],
      wrap(verdictCell, verdictWidth, / /),
      wrap(lastCell, REMEDY_WIDTH, / /),
    ];
    const after = through === undefined ? "plain" : toColour(through.verdict);
    const colours: readonly Colour[] = ["plain", "plain", "plain", toColour(verdict), after];
    return formatRow(cells, { widths, colours, paint });
  });
  return header + rows.join("");
}

function toThroughWords(verdict: Verdict, observation: Observation): string {
  return `${toStatus(observation.head)} ${toPhrases(verdict, observation).slice(0, 4).join("; ")}`;
}

function toColour(verdict: Verdict): Colour {
  if (verdict.kind === "fine") return "green";
  if (verdict.kind === "differs") return "yellow";
  return isWrong(verdict) ? "red" : "plain";
}

interface RowStyle {
  readonly widths: readonly number[];
  readonly colours: readonly Colour[];
  readonly paint: Paint;
}

/** Formats one row; each cell has one or more lines. */
function formatRow(
  cells: readonly (readonly string[])[],
  { widths, colours, paint }: RowStyle,
): string {
  const height = Math.max(...cells.map((lines) => lines.length));
  const lines = Array.from({ length: height }, (_line, line) =>
    cells
      .map((cell, column) => {
        const text = cell[line] ?? "";
        const isLast = cells.slice(column + 1).every((other) => (other[line] ?? "") === "");
        const padding = isLast ? "" : " ".repeat(Math.max(0, (widths[column] ?? 0) - text.length));
        return text === "" ? padding : paint(text, colours[column] ?? "plain") + padding;
      })
      .join(GAP)
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Wraps a text at separators; in a word without one, at the width. */
function wrap(text: string, width: number, separator: RegExp): readonly string[] {
  const isAtSpaces = separator.source === " ";
  const lines: string[] = [];
  let line = "";
  for (const part of text.split(separator)) {
    const joined = line === "" || !isAtSpaces ? line + part : `${line} ${part}`;
    if (joined.length <= width) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    line = part;
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  return line === "" ? lines : [...lines, line];
}

/** Wraps a sentence. */
function toLines(sentence: string): string {
  return wrap(sentence, WIDTH, / /)
    .map((line) => `${line}\n`)
    .join("");
}

function formatNotTried(notTried: readonly NotTried[]): string {
  if (notTried.length === 0) return "";
  const rest = notTried.length - MAX_NOT_TRIED;
  const lines = notTried.slice(0, MAX_NOT_TRIED).map(({ shown, reason }) => {
    const line = `  ${toPrintable(shown, 500)}: ${toPrintable(reason, 300)}`;
    return wrap(line.trimStart(), WIDTH - 4, / /)
      .map((part, index) => `${index === 0 ? "  " : "    "}${part}\n`)
      .join("");
  });
  return `Not tried:\n${lines.join("")}${rest > 0 ? `  … and ${rest} more (--json lists all)\n` : ""}`;
}

/** The number of endpoints of each kind. */
function formatSummary({ examined, throughUrl }: Diagnosis): string {
  if (examined.length === 0) return "No endpoint was tried.\n";
  const before = toSentence(examined.map(({ verdict }) => verdict));
  if (throughUrl === undefined) return toLines(before);
  const after = toSentence(examined.flatMap(({ through }) => (through ? [through.verdict] : [])));
  return toLines(`The backend: ${before}`) + toLines(`Through headgate: ${after}`);
}

function toSentence(verdicts: readonly Verdict[]): string {
  const all = verdicts.length;
  const count = (...kinds: readonly string[]) =>
    verdicts.filter(({ kind }) => kinds.includes(kind)).length;
  const [refused, differs, broken] = [count("refused"), count("differs"), count("broken")];
  const [fine, unknown] = [count("fine", "head-only"), count("unknown")];
  const of = `of ${all} ${all === 1 ? "endpoint" : "endpoints"}`;
  const parts: readonly (readonly [number, string, string])[] = [
    [refused, "refuses HEAD", "refuse HEAD"],
    [differs, "answers it differently from GET", "answer it differently from GET"],
    [broken, "breaks at it", "break at it"],
    [fine, "answers it as GET", "answer it as GET"],
    [unknown, "could not be compared", "could not be compared"],
  ];
  const present = parts.filter(([number]) => number > 0);
  return `${present
    .map(
      ([number, one, many], index) =>
        `${number}${index === 0 ? ` ${of}` : ""} ${number === 1 ? one : many}`,
    )
    .join(", ")}.`;
}

function formatNext(diagnosis: Diagnosis): string {
  const command = toNext(diagnosis);
  return command === undefined ? "" : `Next: ${command}\n`;
}
