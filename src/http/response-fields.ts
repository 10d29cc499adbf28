/** Reads a response's fields in one pass: drops hop-by-hop fields, and keeps order and case of the others. */

import { ProxyError } from "./errors.ts";
import { kindOf, toNominated, withoutNominated } from "./fields.ts";

/** What one pass over a response's fields finds. */
export interface ResponseFields {
  /** The end-to-end fields, raw, without Transfer-Encoding. */
  readonly endToEnd: string[];
  readonly chunked: boolean;
  /** Whether `endToEnd` announces trailers. */
  readonly trailer: boolean;
  readonly contentLength: number | undefined;
  readonly eventStream: boolean;
  /** The value of Connection, all field lines joined; empty without one. */
  readonly connection: string;
  /** The value of Keep-Alive; empty without one. */
  readonly keepAlive: string;
  /** The value of Upgrade, all field lines joined; empty without one. */
  readonly upgrade: string;
}

// Longer than a double holds exactly: the length may describe content that no client fetches, as after a HEAD. It is forwarded as text.
const RESPONSE_LENGTH = /^[0-9]{1,19}$/;

/**
 * Reads a response's fields. Values are latin1 on the wire (RFC 9110 §5.5).
 *
 * Throws a ProxyError (502) for a transfer coding other than chunked, and for a repeated or invalid Content-Length.
 */
// oxlint-disable-next-line complexity -- one pass over the fields, one case for each kind
export function readResponseFields(raw: readonly string[]): ResponseFields {
  const endToEnd: string[] = [];
  let chunked = false;
  let contentLength: number | undefined;
  let eventStream = false;
  let connection = "";
  let keepAlive = "";
  let upgrade = "";
  let trailer = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const value = raw[index + 1] ?? "";
    const kind = kindOf(name);
    if (kind === undefined) {
      endToEnd.push(name, value);
      continue;
    }
    switch (kind) {
      case "hop":
      case "te":
        break;
      case "upgrade":
        upgrade = upgrade === "" ? value : `${upgrade}, ${value}`;
        break;
      case "keep-alive":
        keepAlive = value;
        break;
      case "connection":
        connection = connection === "" ? value : `${connection},${value}`;
        break;
      case "coding":
        // headgate removes the field together with the framing. Content in another coding would arrive without its name.
        if (chunked || value.toLowerCase() !== "chunked")
          throw new ProxyError("http_response_transfer_coding");
        chunked = true;
        break;
      case "trailer":
        trailer = true;
        endToEnd.push(name, value);
        break;
      case "length":
        if (contentLength !== undefined || !RESPONSE_LENGTH.test(value))
          throw new ProxyError("http_protocol_error");
        contentLength = Number(value);
        endToEnd.push(name, value);
        break;
      case "type":
        eventStream = /^text\/event-stream\b/i.test(value);
        endToEnd.push(name, value);
        break;
      default:
        endToEnd.push(name, value);
    }
  }
  const filtered =
    connection === "" ? endToEnd : withoutNominated(endToEnd, toNominated(connection));
  return {
    endToEnd: filtered,
    chunked,
    trailer,
    contentLength,
    eventStream,
    connection,
    keepAlive,
    upgrade,
  };
}
