/** The indentation of an invalid YAML text: finds the line whose indentation fits no open level. */

import { causeAt } from "./cause.ts";
import type { Cause } from "./cause.ts";

/** A mapping or a list in block style. */
interface Level {
  readonly column: number;
  readonly kind: "mapping" | "list";
  /** The offset of its last key or item. */
  last: number;
}

/** The value of the last entry: none yet; a plain text, which may continue on the next line; or a complete value. */
export type Value = "none" | "plain" | "complete";

/** The open mappings and lists. */
export interface Levels {
  /** Enters a key or a list item that starts at `start`. Returns the cause if its indentation is wrong. */
  enter(kind: Level["kind"], start: number, column: number): Cause | undefined;
  /** Sets the value of the last entry. */
  setValue(value: Value): void;
  readonly value: Value;
  /** Records that the value is a plain text that does not follow a key. */
  setLoneText(start: number, column: number): void;
  /** Returns the offset of such a text, if it starts in this column and no entry followed it. */
  loneText(column: number): number | undefined;
  /** Returns the number of open levels. */
  depth(): number;
  /** Returns the column of the innermost level; -1 if none is open. */
  column(): number;
}

/** Creates the levels of a document. */
export function createLevels(): Levels {
  const stack: Level[] = [];
  let value: Value = "none";
  let lone: { readonly start: number; readonly column: number } | undefined;
  let entries = 0;

  function enter(kind: Level["kind"], start: number, column: number): Cause | undefined {
    const top = stack.at(-1);
    const cause =
      top === undefined ? push(kind, start, column) : enterBelow(top, kind, { start, column });
    value = "none";
    lone = undefined;
    entries += 1;
    return cause;
  }

  function push(kind: Level["kind"], start: number, column: number): undefined {
    stack.push({ column, kind, last: start });
  }

  function enterBelow(
    top: Level,
    kind: Level["kind"],
    { start, column }: { readonly start: number; readonly column: number },
  ): Cause | undefined {
    if (value === "none") {
      const isListOfKey = kind === "list" && top.kind === "mapping" && column === top.column;
      if (column > top.column || isListOfKey) return push(kind, start, column);
    } else if (column > top.column) return tooDeep(top, start);
    return closeDeeperLevels(kind, start, column);
  }

  /** Closes the levels that are deeper than the column, and checks that the remaining one fits. */
  function closeDeeperLevels(
    kind: Level["kind"],
    start: number,
    column: number,
  ): Cause | undefined {
    const before = [...stack];
    const first = stack[0];
    const inner = stack.at(-1);
    while ((stack.at(-1)?.column ?? -1) > column) stack.pop();
    if (kind === "mapping" && stack.at(-1)?.kind === "list" && stack.at(-2)?.column === column)
      stack.pop();
    const level = stack.at(-1);
    if (level === undefined && first !== undefined) {
      // If only the file's first line is indented, that line is the mistake: the text was copied that way.
      const span = { start, end: start + 1 };
      return entries === 1
        ? causeAt(first.last, "this line is indented, and the next one is not", {
            span,
            note: "the same level",
          })
        : fitsNothing(start, column, before);
    }
    if (level?.column !== column) return fitsNothing(start, column, before);
    if (level.kind !== kind) return wrongKind(level, start, inner);
    level.last = start;
    return undefined;
  }

  return {
    enter,
    setValue(next) {
      value = next;
    },
    get value() {
      return value;
    },
    depth: () => stack.length,
    column: () => stack.at(-1)?.column ?? -1,
    setLoneText(start, column) {
      lone = { start, column };
    },
    loneText: (column) => (lone?.column === column ? lone.start : undefined),
  };
}

function tooDeep(top: Level, start: number): Cause {
  const what = top.kind === "mapping" ? "the key" : "the list item";
  return causeAt(
    start,
    `this line is indented too far: ${what} above has its value already, so begin in column ${top.column + 1}`,
    { span: { start: top.last, end: top.last + 1 }, note: "in line with this" },
  );
}

function fitsNothing(start: number, column: number, levels: readonly Level[]): Cause {
  const columns = [...new Set(levels.map((level) => level.column))].toSorted((a, b) => a - b);
  // Either of the two lines may be the wrong one, so both are shown.
  const deeper = levels.find((level) => level.column > column);
  return causeAt(
    start,
    `this line is indented by ${formatSpaces(column)}, the lines above it by ${formatAlternatives(columns)}: line it up with one of them`,
    deeper && {
      span: { start: deeper.last, end: deeper.last + 1 },
      note: `indented by ${formatSpaces(deeper.column)}`,
    },
  );
}

function formatSpaces(count: number): string {
  return count === 1 ? "1 space" : `${count} spaces`;
}

function wrongKind(level: Level, start: number, inner: Level | undefined): Cause {
  const related = {
    span: { start: level.last, end: level.last + 1 },
    note: level.kind === "list" ? "the other items" : "the other keys",
  };
  if (level.kind === "mapping")
    return causeAt(
      start,
      "a list item cannot stand among keys: begin it in line with the other items, or leave the dash out",
      related,
    );
  const isOfItem = inner !== undefined && inner.kind === "mapping" && inner.column > level.column;
  const column = isOfItem ? `in column ${inner.column + 1}` : "further to the right";
  return causeAt(
    start,
    `a key cannot stand among list items: begin it ${column} to make it part of the item above, or with a dash to make it another item`,
    related,
  );
}

function formatAlternatives(columns: readonly number[]): string {
  const last = columns.at(-1) ?? 0;
  return columns.length === 1 ? `${last}` : `${columns.slice(0, -1).join(", ")} or ${last}`;
}
