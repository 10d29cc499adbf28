/** Builds the header sections of responses to clients, with the fields of this hop. */

import { type ResponseText, toResponseText } from "../../http/wire/serialize.ts";

/** Builds them for all connections of a server, and reuses the last one. Callers must not change a list of fields after passing it. */
export interface ResponseHeadCache {
  /** Returns the part without the fields of this hop. */
  begin(status: number, reason: string, fields: readonly string[]): ResponseText;
  /** Returns the whole header section; `connection` holds the field lines of this hop. */
  complete(head: ResponseText, connection: string): string;
}

/**
 * Creates the cache. If the same response goes to several clients in a row, its text is built once: to join and flatten it takes a
 * sixteenth of the CPU time of such an exchange.
 */
export function createResponseHeadCache(): ResponseHeadCache {
  const date = createDate();
  let begun: Begun | undefined;
  let completed: Completed | undefined;

  return {
    begin(status, reason, fields) {
      if (begun?.fields === fields && begun.status === status && begun.reason === reason)
        return begun.head;
      const head = toResponseText(status, reason, fields);
      begun = { status, reason, fields, head };
      return head;
    },
    complete(head, connection) {
      const dateLine = head.hasDate ? "" : date();
      // Compares objects, because a comparison of the texts would flatten each of them first.
      if (
        completed?.head === head &&
        completed.dateLine === dateLine &&
        completed.connection === connection
      )
        return completed.text;
      const text = `${head.text}${dateLine}${connection}\r\n`;
      completed = { head, dateLine, connection, text };
      return text;
    },
  };
}

interface Begun {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly head: ResponseText;
}

interface Completed {
  readonly head: ResponseText;
  readonly dateLine: string;
  readonly connection: string;
  readonly text: string;
}

/** The Date line (RFC 9110 §6.6.1), formatted once a second: under load many responses share it. */
function createDate(): () => string {
  let formattedSecond = 0;
  let line = "";
  return () => {
    const nowMs = Date.now();
    const second = Math.floor(nowMs / 1_000);
    if (second !== formattedSecond) {
      formattedSecond = second;
      line = `Date: ${new Date(nowMs).toUTCString()}\r\n`;
    }
    return line;
  };
}
