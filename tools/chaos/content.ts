/** Content that identifies its exchange at every byte: it repeats the id. */

/** The full content. */
export function contentOf(id: string, size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, `${id}|`);
}

/** The check of one response's content. */
export interface ContentCheck {
  take(piece: Buffer): void;
  count(): number;
  isComplete(): boolean;
  /** What is wrong with the content so far: bytes of another exchange, or more bytes than announced. */
  fault(): string | undefined;
}

/** Checks content piece by piece, so that the part received of a broken response is checked too. */
export function checkContent(id: string, size: number): ContentCheck {
  const period = Buffer.byteLength(`${id}|`);
  let count = 0;
  let fault: string | undefined;
  return {
    count: () => count,
    isComplete: () => count === size,
    fault: () => fault,
    take(piece) {
      const expected = contentOf(id, piece.length + period).subarray(count % period);
      if (fault === undefined && expected.compare(piece, 0, piece.length, 0, piece.length) !== 0)
        fault = `foreign content from byte ${count} on: ${JSON.stringify(piece.toString("latin1").slice(0, 200))}`;
      count += piece.length;
      if (count > size) fault ??= `${count} bytes of content where there are ${size}`;
    },
  };
}
