/** The only code that decides what is secret in a request, a response, a URL or a route file. Everything that headgate prints uses it. */

import { encodeRawBytes } from "./routing/path.ts";

/** Replaces a secret. */
const HIDDEN = "<hidden>";

/**
 * Parts of the names of fields and settings whose values are secret. In doubt a value is hidden: a needlessly hidden value costs a second
 * look, a revealed one costs a new password.
 */
const SECRET_NAMES = new RegExp(
  ["auth", "token", "secret", "pass", "pwd", "cookie", "session", "credential", "bearer"]
    .concat(["signature", "hmac", "jws", "jwt", "dpop", "assertion", "saml", "oidc", "principal"])
    .concat(["csrf", "xsrf", "nonce", "keys?(?:-|$)", "(?:^|-)(?:sid|sig|sign|otp|pin)(?:-|$)"])
    .concat(["^sec-websocket-protocol$"]) // the only field in which a browser can send a token with a WebSocket
    .join("|"),
);

/** `?` and the query of a URL. */
const QUERY = /\?[^\s"'<>]+/g;
/** Fields whose value is one URL, in which a query may have spaces, and a fragment may be a token (RFC 6749 §4.2.2). */
const IS_URL = /^(?:content-)?location$/i;
const BEHIND_PATH = /([?#]).+$/s;
/** A query with parameters. A pattern or a `${NAME:?message}` has none. */
const PARAMETERS = /(?<!:)\?[^\s"'<>=?]*=[^\s"'<>]*/g;
/** A name, and the sign behind it; at the begin of a line the sign may be missing. */
const NAME = /(?<![\w.-])([\w.-]+)["']?\s*[:=]\s*|^\s*(?:- +)?([\w.-]+)\s+(?=[^\s:=#])/g;
/** What stands between the marks of a key or certificate, as far as the line has it (RFC 7468), and the base64 of such. */
const PEM =
  /(?<=-----BEGIN [A-Z0-9 ]+-----).*?(?=-----END |$)|^.*(?=-----END )|(?<![\w/+.-])[A-Za-z0-9+][A-Za-z0-9+/]{39,}={0,2}/g;

type Mask = (secret: string) => string;
const toHidden: Mask = () => HIDDEN;
const toStars: Mask = (secret) => "*".repeat(secret.length);

/** Whether the value of a field of that name is secret. Letter case and `_` for `-` make no difference, as in WSGI and CGI. */
export function isSecretField(name: string): boolean {
  return SECRET_NAMES.test(name.toLowerCase().replaceAll("_", "-"));
}

/** Returns a field's value for display: hidden as a whole, or without the userinfo and the queries of the URLs in it. */
export function hideFieldValue(name: string, value: string): string {
  if (value === "") return value;
  if (isSecretField(name)) return HIDDEN;
  const text = IS_URL.test(name) ? value.replace(BEHIND_PATH, `$1${HIDDEN}`) : value;
  return hideUrls(text, QUERY, toHidden);
}

/** Returns a message about the configuration with the userinfo and the queries of the URLs in it hidden. */
export function hideInMessage(message: string): string {
  return hideUrls(message, PARAMETERS, toHidden);
}

/** Hides the same in a line of the route file, and values behind secret names. Each character stays in its column. */
export function hideInLine(line: string): string {
  const shown = hideUrls(line.replace(PEM, toStars), PARAMETERS, toStars);
  for (const match of shown.matchAll(NAME)) {
    const [text, before, name = before ?? ""] = match;
    // `tls.key` is the path of a file, and `tls.clientAuth` one of two words.
    if (name === "key" || name === "clientAuth" || !isSecretField(name)) continue;
    const start = match.index + text.length;
    return shown.slice(0, start) + toStars(shown.slice(start));
  }
  return shown;
}

/** Returns a request-target for display: see `splitTarget`. */
export function hideQuery(target: string): string {
  const { path, query } = splitTarget(target);
  return query === undefined ? path : `${path}?${query === "" ? "" : HIDDEN}`;
}

/**
 * Splits a target into its path, without secrets, and its query. The fragment, and the userinfo of the absolute-form or authority-form,
 * are removed. A target with a fragment is invalid (RFC 9112 §3.2) and appears only in the log line of its refusal. The target is cut and
 * not parsed, because malformed targets are shown too. A raw byte becomes `%XX`.
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

function hideUrls(text: string, query: RegExp, mask: Mask): string {
  const shown = text.replace(query, (found) => `?${mask(found.slice(1))}`);
  if (!shown.includes("@")) return shown;
  return shown
    .replace(/[^\r\n"']+/g, (part) => hideBetween(part, part.indexOf("://") + 3, mask))
    .replace(/\S+/g, (word) => hideUserinfo(word, mask));
}

/**
 * Hides all from `start` up to the last `@`, if there is a space in it: a password with a space is two words. Hiding too much costs little.
 * Without a pattern, which would begin anew at each `://`.
 */
function hideBetween(text: string, start: number, mask: Mask): string {
  const end = text.lastIndexOf("@");
  const hidden = start < 3 ? "" : text.slice(start, Math.max(start, end));
  return hidden.includes(" ") ? text.slice(0, start) + mask(hidden) + text.slice(end) : text;
}

/** Hides all up to the last `@` of a word, because a password may contain any character. Without `//`, only `user:password@` counts. */
function hideUserinfo(word: string, mask: Mask): string {
  const end = word.lastIndexOf("@");
  const slashes = word.indexOf("//");
  const hasAuthority = slashes !== -1 && slashes < end;
  if (end === -1 || !(hasAuthority || word.slice(0, end).includes(":"))) return word;
  const start = hasAuthority ? slashes + 2 : (/^["'({[]*/.exec(word)?.[0].length ?? 0);
  return word.slice(0, start) + mask(word.slice(start, end)) + word.slice(end);
}
