/** The part of a request-target that may be shown. */

import { encodeRawBytes } from "../http/path.ts";

/**
 * The target without what may be secret: query, and the userinfo of an absolute or authority form. It is cut, not parsed:
 * malformed targets are shown too, and a parser that gives up would show all of them or nothing. A raw byte is shown as its `%XX`.
 */
export function splitTarget(raw: string): {
  readonly path: string;
  readonly query: string | undefined;
} {
  const target = encodeRawBytes(raw);
  const mark = target.search(/[?#]/);
  const before = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? undefined : target.slice(mark + 1);
  if (before.startsWith("/")) return { path: before, query };
  const path = before.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  return { path: path.slice(path.lastIndexOf("@") + 1) || "/", query };
}
