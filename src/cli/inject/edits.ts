/** Edits of a text: what is inserted where, and what it replaces. */

/** One edit; offsets are those of the text before all edits. */
export interface Edit {
  readonly at: number;
  /** How many characters from there on are replaced. */
  readonly length: number;
  readonly insert: string;
}

/** The text after the edits. Those at one place keep their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const { at, length, insert } of edits.toSorted((a, b) => a.at - b.at)) {
    if (at < done) throw new Error("two edits overlap");
    parts.push(text.slice(done, at), insert);
    done = at + length;
  }
  return parts.join("") + text.slice(done);
}
