/** Buffers that grow. */

/** The buffer, or a larger copy of its first `used` bytes, with room for `size` more. */
export function growBuffer(buffer: Buffer, used: number, size: number): Buffer {
  if (used + size <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(2 * (used + size));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
