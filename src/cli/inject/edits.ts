/** Edits of a text: each inserts a text at an offset and may replace characters there. */

/** One edit; its offset refers to the text before all edits. */
export interface Edit {
  readonly at: number;
  /** The number of characters to replace. */
  readonly length: number;
  readonly insert: string;
}

/** Applies edits to a text. Edits at the same offset keep their order. */
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
