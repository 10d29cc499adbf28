/** What one pass over a response's fields finds. What belongs to one hop stays there; all else keeps order and case. */

import { ProxyError } from "./errors.ts";
import { kindOf, toNominated, withoutNominated } from "./fields.ts";

/** What one pass over an answer's fields finds. */
export interface ResponseFields {
  /** The end-to-end fields, raw; Transfer-Encoding is not among them. */
  readonly endToEnd: string[];
  readonly chunked: boolean;
  /** Whether `endToEnd` announces trailers. */
  readonly trailer: boolean;
  readonly contentLength: number | undefined;
  readonly eventStream: boolean;
  /** What Connection says, all its lines in one; empty where it is not there. */
  readonly connection: string;
  /** What Keep-Alive says; empty where it is not there. */
  readonly keepAlive: string;
  /** What Upgrade says, all its lines in one; empty where it is not there. */
  readonly upgrade: string;
}

// It may be that of content that no client fetches, such as a HEAD's, and passes digit for digit.
const RESPONSE_LENGTH = /^[0-9]{1,19}$/;

/**
 * Sorts an answer's fields. Values are latin1 on the wire (RFC 9110 §5.5).
 *
 * Throws a ProxyError (502) for a transfer coding other than chunked, and for a Content-Length that is doubled or none.
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
        // The coding is taken off with the framing; content in one that stays on would arrive without its name.
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
