/** Content that tells whose it is at every byte: the id over and over. */

/** The whole of it. */
export function contentOf(id: string, size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, `${id}|`);
}

export interface ContentCheck {
  take(piece: Buffer): void;
  count(): number;
  isWhole(): boolean;
  /** What is wrong with it so far: foreign bytes, or more of them than announced. */
  fault(): string | undefined;
}

/** Looks at content piece by piece, so that also what came of a broken answer is known to be the right one's. */
export function checkContent(id: string, size: number): ContentCheck {
  const period = Buffer.byteLength(`${id}|`);
  let count = 0;
  let fault: string | undefined;
  return {
    count: () => count,
    isWhole: () => count === size,
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
