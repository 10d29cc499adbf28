/** Computes where a new entry or item goes in a text, in the style of the text around it. */

import type { Entry, MapNode, SeqNode, TreeNode } from "../../config/yaml/tree.ts";
import type { Edit } from "./edits.ts";
import {
  type FlowStyle,
  type Layout,
  type Value,
  indentFirst,
  renderEntry,
  renderFlow,
  renderFlowEntry,
  renderItem,
  renderItems,
  renderMap,
} from "./render.ts";

/** A text and its layout. */
export interface Page {
  readonly text: string;
  readonly layout: Layout;
}

/** Inserts a new item at the end of a list. */
export function appendItem({ text, layout }: Page, seq: SeqNode, value: Value): Edit {
  if (seq.isFlow) return appendToFlow({ text, layout }, seq, (style) => renderFlow(value, style));
  const column = columnOf(text, seq.start);
  const lines = renderItem(value, column, layout);
  return (
    linesAfter(text, { last: seq, column, lines }, layout) ?? {
      at: seq.start,
      length: 0,
      insert: [...lines, ""].join(layout.eol) + " ".repeat(column),
    }
  );
}

/** Inserts a new entry after the given one, or before it if the given one ends the text without a line end. */
export function appendEntry(page: Page, map: MapNode, entry: NewEntry): Edit {
  const { text, layout } = page;
  if (map.isFlow)
    return appendToFlow(page, map, (style) => renderFlowEntry(entry.key, entry.value, style));
  const { after = map.entries.at(-1) } = entry;
  if (after === undefined) throw new Error("a mapping in block style has entries");
  const column = columnOf(text, map.start);
  const lines = renderEntry(entry.key, entry.value, column, layout);
  return (
    linesAfter(text, { last: after.value, column, lines }, layout) ??
    prependEntry(page, map, { ...entry, before: after })
  );
}

/** A new entry. */
export interface NewEntry {
  readonly key: string;
  readonly value: Value;
  /** The entry before it; undefined: the last one. */
  readonly after?: Entry;
}

/** Inserts a new entry before another one, and before the comments of that entry. */
export function prependEntry(
  page: Page,
  map: MapNode,
  { key, value, before }: NewEntry & { readonly before: Entry },
): Edit {
  const { text, layout } = page;
  if (map.isFlow) return appendToFlow(page, map, (style) => renderFlowEntry(key, value, style));
  const column = columnOf(text, map.start);
  const lines = renderEntry(key, value, column, layout);
  const previous = map.entries[map.entries.indexOf(before) - 1];
  const at = startOfComments(text, before.start, { column, from: previous?.value.end ?? 0 });
  return { at, length: 0, insert: [...lines, ""].join(layout.eol) + " ".repeat(column) };
}

/** Inserts a value for a key that has none, or null. */
export function fillEntry({ text, layout }: Page, map: MapNode, entry: Entry, value: Value): Edit {
  const { gap } = entry;
  const node = entry.value;
  if (map.isFlow) {
    const insert = `${node.end > node.start ? "" : " "}${renderFlow(value, { isJson: layout.isJson, lines: undefined })}`;
    return { at: node.start, length: node.end - node.start, insert };
  }
  const column = columnOf(text, map.start);
  const lines = Array.isArray(value)
    ? renderItems(value as readonly Value[], column + layout.dash, layout)
    : indentFirst(
        renderMap(value as { readonly [key: string]: Value }, column + layout.step, layout),
        column + layout.step,
      );
  const at = /^ *$/.test(text.slice(gap, node.start)) ? gap : node.start;
  return { at, length: node.end - at, insert: ["", ...lines].join(layout.eol) };
}

/** The nodes from which a layout is derived. */
export interface Surroundings {
  readonly root: MapNode;
  /** The mapping that holds `map`. */
  readonly parent: MapNode;
  readonly map: MapNode;
  /** An entry of `map` with a list as its value. */
  readonly entry: Entry;
}

/** The layout of a file, derived from the list below this entry. */
export function layoutOf(text: string, { root, parent, map, entry }: Surroundings): Layout {
  const eol = /\r\n|\n/.exec(text)?.[0] ?? "\n";
  const column = columnOf(text, map.start);
  const step = map.isFlow ? 2 : Math.max(1, column - columnOf(text, parent.start)) || 2;
  const list = entry.value;
  const isBlock = list.kind === "seq" && !list.isFlow && !map.isFlow;
  const dash = isBlock ? columnOf(text, list.start) - column : 0;
  return { eol, step, dash, isJson: root.isFlow };
}

/** The offset within its line. A byte order mark has no column. */
function columnOf(text: string, offset: number): number {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return offset - start - (start === 0 && text.startsWith("\ufeff") ? 1 : 0);
}

interface NewLines {
  /** The node before them. */
  readonly last: TreeNode;
  readonly column: number;
  readonly lines: readonly string[];
}

/** Undefined if the lines after a block text would become part of it. */
function linesAfter(
  text: string,
  { last, column, lines }: NewLines,
  { eol }: Layout,
): Edit | undefined {
  const indented = [" ".repeat(column) + (lines[0] ?? ""), ...lines.slice(1)];
  const end = endOfLines(text, last.end, column);
  if (end > 0 && text[end - 1] === "\n")
    return { at: end, length: 0, insert: [...indented, ""].join(eol) };
  return isBlockEnd(last) ? undefined : { at: end, length: 0, insert: ["", ...indented].join(eol) };
}

/** Whether a node ends with a block scalar, literal or folded. */
export function isBlockEnd(node: TreeNode): boolean {
  if (node.kind === "scalar") return node.isBlock;
  if (node.kind === "alias" || node.isFlow) return false;
  const last = node.kind === "map" ? node.entries.at(-1)?.value : node.items.at(-1);
  return last !== undefined && isBlockEnd(last);
}

/** The offset after the line in which a node ends, and after comments below it with more indent than `column`. */
function endOfLines(text: string, end: number, column: number): number {
  let at = text[end - 1] === "\n" ? end : nextLine(text, end);
  for (let look = at; look < text.length;) {
    const next = nextLine(text, look);
    const line = text.slice(look, next).trimEnd();
    const [indent = ""] = /^ */.exec(line) ?? [];
    if (line !== "" && !(line[indent.length] === "#" && indent.length > column)) break;
    if (line !== "") at = next;
    look = next;
  }
  return at;
}

function nextLine(text: string, offset: number): number {
  const at = text.indexOf("\n", offset);
  return at === -1 ? text.length : at + 1;
}

/** The start of an entry, or of the comments directly above it in the same column. */
function startOfComments(
  text: string,
  start: number,
  { column, from }: { readonly column: number; readonly from: number },
): number {
  let at = start;
  for (;;) {
    const lineStart = text.lastIndexOf("\n", at - 1) + 1;
    if (lineStart === 0 || text.slice(lineStart, at).trim() !== "") return at;
    const above = text.lastIndexOf("\n", lineStart - 2) + 1;
    const isComment = text.slice(above, lineStart).startsWith(`${" ".repeat(column)}#`);
    if (!isComment || above < from) return at;
    at = above + column;
  }
}

function appendToFlow(
  { text, layout }: Page,
  node: MapNode | SeqNode,
  render: (style: FlowStyle) => string,
): Edit {
  const parts = node.kind === "map" ? node.entries : node.items;
  const last = node.kind === "map" ? node.entries.at(-1)?.value : node.items.at(-1);
  const { eol, isJson } = layout;
  const single = { isJson, lines: undefined };
  if (last === undefined) return { at: node.start + 1, length: 0, insert: render(single) };
  const first = parts[0]?.start ?? node.start;
  const lead = leadOf(text, first);
  const outer = leadOf(text, node.start);
  // A list or mapping with each part on a line of its own.
  const isSpread = text.slice(node.start, first).includes("\n");
  if (!isSpread) return { at: last.end, length: 0, insert: `, ${render(single)}` };
  const unit = lead.startsWith(outer) && lead !== outer ? lead.slice(outer.length) : "  ";
  const insert = `,${eol}${lead}${render({ isJson, lines: { eol, lead, unit } })}`;
  return { at: last.end, length: 0, insert };
}

/** The white space at the start of an offset's line. */
function leadOf(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}
