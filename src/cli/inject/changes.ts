/** The changes to one object, and the annotation that records them. */

import type { TreeNode } from "../../config/yaml/tree.ts";
import type { Edit } from "./edits.ts";
import { type Page, appendEntry, fillEntry } from "./insertions.ts";
import { ANNOTATION, type Change, formatRecord, hashOf } from "./record.ts";
import { type Layout, Raw, quote } from "./render.ts";
import { type SourceNode, descend, findOwnEntry, refuse } from "./source.ts";

/** An edit with the name of the node that it inserts. */
export interface NamedEdit {
  readonly ref: string;
  /** The offset of the node in the inserted text. */
  readonly before: number;
  readonly edit: Edit;
}

/** Placeholder for the record in a text, until the record is known. */
export const BLANK: Raw = new Raw("@headgate-record@");

/** The edit that inserts the record of the other edits into an object. */
export function toRecordEdit(page: Page, place: SourceNode, named: readonly NamedEdit[]): Edit {
  const changes = named.map((one) => toChange(page.text, one));
  const edit = annotate(page, place);
  const removed = page.text.slice(edit.at, edit.at + edit.length);
  return { ...edit, insert: fillRecord(edit.insert, { changes, removed }, page.layout) };
}

/** The parts of a record. */
export interface RecordParts {
  readonly changes?: readonly Change[];
  readonly removed?: string;
  /** Whether the reader of the file substitutes variables: a $ is then written twice. */
  readonly isInterpolated?: boolean;
}

/** Replaces the placeholder by the record, quoted as JSON or as YAML. */
export function fillRecord(
  text: string,
  { changes = [], removed = "", isInterpolated = false }: RecordParts,
  { isJson }: Layout,
): string {
  const [before = "", after = ""] = text.split(BLANK.text);
  const own = { before: before.length, after: after.length, hash: hashOf(before + after), removed };
  const plain = formatRecord({ changes, own });
  const record = isInterpolated ? plain.replaceAll("$", "$$$$") : plain;
  return before + (isJson ? quote(record) : `'${record.replaceAll("'", "''")}'`) + after;
}

/** Converts an edit to the form that a record holds. */
export function toChange(text: string, { ref, before, edit }: NamedEdit): Change {
  const { at, length, insert } = edit;
  const removed = text.slice(at, at + length);
  return { ref, before, length: insert.length, hash: hashOf(insert), removed };
}

function annotate(page: Page, place: SourceNode): Edit {
  const metadata = descend(place, place.root, "metadata");
  const entry = findOwnEntry(place, metadata, "annotations");
  const value = { [ANNOTATION]: BLANK };
  if (entry === undefined) return appendEntry(page, metadata, { key: "annotations", value });
  const annotations = entry.value;
  if (isEmpty(annotations)) return fillEntry(page, metadata, entry, value);
  if (annotations.kind !== "map") return refuse(place, annotations, "annotations is no mapping");
  return appendEntry(page, annotations, { key: ANNOTATION, value: BLANK });
}

/** Whether a node is absent or null. */
export function isEmpty(node: TreeNode): boolean {
  return (
    node.kind === "scalar" && node.value === undefined && !node.hasTag && node.anchor === undefined
  );
}
