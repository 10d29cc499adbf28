/**
 * The record for `--remove`, in an annotation or a label of the changed object: for each inserted text its length, its hash and the
 * text that it replaced. A node of the object names the position, not an offset: the rest of the file may change meanwhile.
 */

import { createHash } from "node:crypto";
import { asMapping } from "../../config/untyped.ts";

/** The annotation of Kubernetes objects. */
export const ANNOTATION = "headgate.dev/injected";

/** One edit, relative to a node that it inserted. */
export interface Change {
  /** The node: `container`, `volume`, `port:80/TCP`. */
  readonly ref: string;
  /** The number of characters before the node in the inserted text. */
  readonly before: number;
  readonly length: number;
  readonly hash: string;
  /** The text that was replaced. */
  readonly removed: string;
}

/** The record of one object. */
export interface InjectionRecord {
  readonly changes: readonly Change[];
  readonly own: Own;
}

/** The inserted text that holds the record. */
export interface Own {
  /** The number of characters before and after the record. */
  readonly before: number;
  readonly after: number;
  readonly hash: string;
  /** The text that was replaced. */
  readonly removed: string;
}

/** Formats a record as one line. */
export function formatRecord({ changes, own }: InjectionRecord): string {
  return JSON.stringify({
    own: [own.before, own.after, own.hash].concat(own.removed === "" ? [] : [own.removed]),
    edits: changes.map(({ ref, before, length, hash, removed }) =>
      [ref, before, length, hash].concat(removed === "" ? [] : [removed]),
    ),
  });
}

/** Parses a record; undefined if the text is not a record. */
export function parseRecord(text: string): InjectionRecord | undefined {
  const value = parseJson(text);
  const { own, edits } = asMapping(value) ?? {};
  if (!Array.isArray(own) || !Array.isArray(edits)) return undefined;
  const changes = edits.map((edit: unknown) => toChange(edit));
  const [before, after, hash, removed = ""] = own as readonly unknown[];
  if (!isCount(before) || !isCount(after)) return undefined;
  if (typeof hash !== "string" || typeof removed !== "string") return undefined;
  if (!changes.every((change) => change !== undefined)) return undefined;
  return { changes, own: { before, after, hash, removed } };
}

/** A hash that identifies a text. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function toChange(edit: unknown): Change | undefined {
  if (!Array.isArray(edit)) return undefined;
  const [ref, before, length, hash, removed = ""] = edit as readonly unknown[];
  if (typeof ref !== "string" || typeof hash !== "string" || typeof removed !== "string")
    return undefined;
  return isCount(before) && isCount(length) ? { ref, before, length, hash, removed } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
