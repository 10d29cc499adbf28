/** The header section of a request to the upstream, as it stands on the wire. */

import type { UpgradeFields } from "../headers.ts";
import { mayBeBodiless } from "./request-head.ts";

interface Hop {
  readonly method: string;
  readonly framing: "none" | "length" | "chunked";
  readonly upgrade?: UpgradeFields | undefined;
  readonly takesTrailers: boolean;
}

const NOTHING: readonly string[] = Object.freeze([]);
const CHUNKED = ["Transfer-Encoding", "chunked"];
const CLOSE = ["Connection", "close"];
const TRAILERS = ["TE", "trailers"];

/**
 * What a request says of its own connection, behind the fields that came. `end`: whether the upstream's connections are kept.
 *
 * The connection ends after a HEAD: some backends send a body with its answer, and nobody could tell it from the next answer.
 */
export function toHopFields(hop: Hop, end: "kept" | "closed"): readonly string[] {
  const { takesTrailers } = hop;
  const fields = toEndFields(hop, end);
  return takesTrailers ? withTrailers(fields) : fields;
}

function toEndFields({ method, framing, upgrade }: Hop, end: "kept" | "closed"): readonly string[] {
  const coding = framing === "chunked" ? CHUNKED : NOTHING;
  if (upgrade !== undefined)
    return [...coding, "Connection", upgrade.option, "Upgrade", upgrade.protocols];
  return end === "kept" && !mayBeBodiless(method) ? coding : [...coding, ...CLOSE];
}

/** RFC 9110 §10.1.4: Connection must name TE. Both options share one line, because some recipients read only one. */
function withTrailers(hop: readonly string[]): readonly string[] {
  const at = hop.indexOf("Connection");
  if (at === -1) return [...TRAILERS, "Connection", "TE", ...hop];
  return [...TRAILERS, ...hop.with(at + 1, `TE, ${hop[at + 1]}`)];
}

/** The text of a request line and fields (RFC 9112 §3, §5), to be written as latin1. Whoever made them has checked them. */
export function toRequestText(
  { method, path, fields }: { method: string; path: string; fields: readonly string[] },
  hop: readonly string[],
): string {
  return `${method} ${path} HTTP/1.1\r\n${toFieldLines(fields)}${toFieldLines(hop)}\r\n`;
}

/** Fields as lines, each with its CRLF. */
export function toFieldLines(fields: readonly string[]): string {
  let lines = "";
  for (let index = 0; index < fields.length; index += 2)
    lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
}
