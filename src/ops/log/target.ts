/** A request-target as logs and pages show it. */

import { encodeRawBytes } from "../../http/routing/path.ts";

/**
 * The target without what may be secret: query, fragment, and the userinfo of an absolute or authority form. A fragment belongs to no
 * target (RFC 9112 §3.2): such a request is refused, and only its log line shows this. The target is cut, not parsed: malformed targets
 * are shown too, and a parser that gives up would show all of them or nothing. A raw byte is shown as its `%XX`.
 */
export function splitTarget(raw: string): {
  readonly path: string;
  readonly query: string | undefined;
} {
  const target = encodeRawBytes(raw);
  const hash = target.indexOf("#");
  const shown = hash < 0 ? target : target.slice(0, hash);
  const mark = shown.indexOf("?");
  const before = mark < 0 ? shown : shown.slice(0, mark);
  const query = mark < 0 ? undefined : shown.slice(mark + 1);
  if (before.startsWith("/")) return { path: before, query };
  const path = before.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  return { path: path.slice(path.lastIndexOf("@") + 1) || "/", query };
}
