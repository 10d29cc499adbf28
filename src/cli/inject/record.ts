/**
 * What `--remove` needs, in an annotation or a label of the object that was changed: for each inserted text its length and hash, and
 * what it replaced. Places are named by what the object holds there, not by offsets: the file may change elsewhere meanwhile.
 */

import { createHash } from "node:crypto";
import { asMapping } from "../../config/untyped.ts";

/** The annotation of Kubernetes objects. */
export const ANNOTATION = "headgate.dev/injected";

/** One edit, seen from a node that it brought in. */
export interface Change {
  /** Which node: `container`, `volume`, `port:80/TCP`. */
  readonly ref: string;
  /** Characters of the inserted text before the node. */
  readonly before: number;
  readonly length: number;
  readonly hash: string;
  /** What stood there. */
  readonly removed: string;
}

/** The record of one object. */
export interface InjectionRecord {
  readonly changes: readonly Change[];
  readonly own: Own;
}

/** The inserted text that holds the record itself. */
export interface Own {
  /** Characters before the record and behind it. */
  readonly before: number;
  readonly after: number;
  readonly hash: string;
  /** What stood there. */
  readonly removed: string;
}

/** A record as one line of text. */
export function formatRecord({ changes, own }: InjectionRecord): string {
  return JSON.stringify({
    own: [own.before, own.after, own.hash].concat(own.removed === "" ? [] : [own.removed]),
    edits: changes.map(({ ref, before, length, hash, removed }) =>
      [ref, before, length, hash].concat(removed === "" ? [] : [removed]),
    ),
  });
}

/** Undefined for a text that is no record. */
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

/** Tells one text from another. */
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
