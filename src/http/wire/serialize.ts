/** Serializes messages (RFC 9112 §2-5): the only writer of field lines. Texts are latin1, and the caller has checked them. */

const DATE = "date";
const LENGTH = "content-length";
const CODING = "transfer-encoding";
const UPGRADE = "upgrade";

/** A status line and field lines, and what they say about the content that follows. */
export interface ResponseText {
  /** Without the fields of this connection and without the empty line; to be written as latin1. */
  readonly text: string;
  readonly hasDate: boolean;
  readonly hasUpgrade: boolean;
  /** How the content ends: after its length, after a last chunk, or with the connection (RFC 9112 §6.3). */
  readonly framing: "length" | "chunked" | "close";
}

/** Writes a status line and field lines. One loop also examines the fields, because it runs for every response. */
export function toResponseText(
  status: number,
  reason: string,
  fields: readonly string[],
): ResponseText {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  let hasDate = false;
  let hasUpgrade = false;
  let framing: ResponseText["framing"] = "close";
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    text += `${name}: ${fields[index + 1]}\r\n`;
    // The length alone excludes most names before anything is lower-cased.
    if (name.length === DATE.length) hasDate ||= name.toLowerCase() === DATE;
    else if (name.length === LENGTH.length && name.toLowerCase() === LENGTH) framing = "length";
    else if (name.length === CODING.length && name.toLowerCase() === CODING) framing = "chunked";
    else if (name.length === UPGRADE.length) hasUpgrade ||= name.toLowerCase() === UPGRADE;
  }
  return { text, hasDate, hasUpgrade, framing };
}

/** Whether a response to this method with this status has content (RFC 9110 §6.4.1). */
export function hasContent(method: string, status: number): boolean {
  return method !== "HEAD" && status !== 204 && status !== 304;
}

/** Returns the lines of a persistent connection. Keep-Alive (RFC 2068 §19.7.1.1) helps clients not to use a connection that is closing. */
export function toKeepAliveLines(keepAliveMs: number): string {
  const seconds = Math.floor(keepAliveMs / 1_000);
  return `Connection: keep-alive\r\n${seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : ""}`;
}

/** Adds `upgrade` to Connection, the first of the lines: RFC 9110 §7.8 requires it beside an Upgrade field. */
export function withUpgradeOption(lines: string): string {
  return lines.replace("\r\n", ", upgrade\r\n");
}

/** Writes the whole header section of an interim response, which has no content (RFC 9110 §15.2). */
export function toInterimText(status: number, reason: string, fields: readonly string[]): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${toFieldLines(fields)}\r\n`;
}

/** Writes a request's header section; `hop` holds the fields of the connection. */
export function toRequestText(
  { method, path, fields }: { method: string; path: string; fields: readonly string[] },
  hop: readonly string[],
): string {
  return `${method} ${path} HTTP/1.1\r\n${toFieldLines(fields)}${toFieldLines(hop)}\r\n`;
}

/** Writes fields as lines, each with its CRLF. */
export function toFieldLines(fields: readonly string[]): string {
  let lines = "";
  for (let index = 0; index < fields.length; index += 2)
    lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
}
