/** Formats sizes for people. */

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

/** Formats a size as `900 bytes` or `2.0 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const power = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}
