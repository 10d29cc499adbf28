/** Normalises paths for comparison, never for forwarding (RFC 3986 §6.2.2). */

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const QUESTION = 0x3f;
const HASH = 0x23;
const TILDE = 0x7e;

/** RFC 3986 §2.3: the only characters with the same meaning percent-encoded or not. */
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/**
 * Returns the path of a request-target (no query, no fragment) in normal form. Nearly every received path is in that form already, so
 * one pass over the characters checks whether more is needed.
 */
export function normalisePath(target: string): string {
  let previous = 0;
  for (let index = 0; index < target.length; index++) {
    const code = target.charCodeAt(index);
    if (code === QUESTION || code === HASH) return target.slice(0, index);
    const startsDotOrEmptySegment = previous === SLASH && (code === SLASH || code === DOT);
    if (code === PERCENT || code > TILDE || startsDotOrEmptySegment) return rewrite(target);
    previous = code;
  }
  return target;
}

/** Returns a request-target in normal form: the normal path, and the query with normal encoding. */
export function normaliseTarget(target: string): string {
  const path = normalisePath(target);
  const query = target.indexOf("?");
  return query === -1 ? path : path + normaliseEncoding(target.slice(query));
}

/** Percent-encodes each byte above 0x7e. The text has one character per byte. */
export function encodeRawBytes(text: string): string {
  return text.replace(
    /[\x7f-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function rewrite(target: string): string {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  return resolveSegments(normaliseEncoding(path));
}

/**
 * Decodes unreserved characters and writes other triplets in upper case (RFC 3986 §6.2.2.1, §6.2.2.2). So %2F and %5C stay encoded and
 * cannot split a segment. Decoding happens once: %2561 means "%61" and not "a". A percent sign that begins no triplet becomes %25,
 * otherwise `%%361` would become a triplet that the next reader decodes. A raw byte is percent-encoded.
 */
function normaliseEncoding(path: string): string {
  return encodeRawBytes(path).replace(/%([0-9A-Fa-f]{2})?/g, (_match, hex: string | undefined) => {
    if (hex === undefined) return "%25";
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

/**
 * Merges slashes, then removes dot segments (RFC 3986 §5.2.4). Servers that merge slashes do it in this order: nginx reads `/a//../b` as
 * `/b`, although the RFC alone gives `/a/b`.
 */
function resolveSegments(path: string): string {
  if (!path.startsWith("/")) return path;
  const segments = path.split("/").filter((segment) => segment !== "");
  const resolved: string[] = [];
  for (const segment of segments) {
    if (segment === "..") resolved.pop();
    else if (segment !== ".") resolved.push(segment);
  }
  const last = segments.at(-1);
  const endsInSlash = path.endsWith("/") || last === "." || last === "..";
  return resolved.length === 0 ? "/" : `/${resolved.join("/")}${endsInSlash ? "/" : ""}`;
}
