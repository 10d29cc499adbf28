/** The header section of a request to the upstream, as it stands on the wire. */

import type { UpgradeFields } from "./headers.ts";

interface Hop {
  readonly method: string;
  readonly framing: "none" | "length" | "chunked";
  readonly upgrade?: UpgradeFields | undefined;
  /** Whether the upstream's connections are kept. */
  readonly isKept: boolean;
}

const CHUNKED = ["Transfer-Encoding", "chunked"];
const CLOSE = ["Connection", "close"];

/**
 * What a request says of its own connection, behind the fields that came.
 *
 * The connection ends after a HEAD: some backends send a body with its answer, and nobody could tell it from the next answer.
 */
export function toHopFields({ method, framing, upgrade, isKept }: Hop): readonly string[] {
  const coding = framing === "chunked" ? CHUNKED : [];
  if (upgrade !== undefined)
    return [...coding, "Connection", upgrade.option, "Upgrade", upgrade.protocols];
  return isKept && method !== "HEAD" ? coding : [...coding, ...CLOSE];
}

/** The text of a request line and fields (RFC 9112 §3, §5), to be written as latin1. Whoever made them has checked them. */
export function toRequestText(
  { method, path, fields }: { method: string; path: string; fields: readonly string[] },
  hop: readonly string[],
): string {
  return `${method} ${path} HTTP/1.1\r\n${toLines(fields)}${toLines(hop)}\r\n`;
}

function toLines(fields: readonly string[]): string {
  let lines = "";
  for (let index = 0; index < fields.length; index += 2)
    lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
}
