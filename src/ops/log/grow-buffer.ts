/** Buffers that grow. */

/** Returns a buffer with the first `used` bytes and space for `size` more bytes: the given buffer, or a larger copy. */
export function growBuffer(buffer: Buffer, used: number, size: number): Buffer {
  if (used + size <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(2 * (used + size));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
