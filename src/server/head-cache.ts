/** Header sections of answers to clients, with what this hop adds. */

import { type ResponseText, toResponseText } from "../http/wire/serialize.ts";

/** Writes them for all connections of a server. Lists of fields that were given to it do not change any more. */
export interface ResponseHeadCache {
  /** The part that the answer itself says. */
  begin(status: number, reason: string, fields: readonly string[]): ResponseText;
  /** All of it. `connection` are the lines of this hop. */
  complete(head: ResponseText, connection: string): string;
}

/**
 * Creates the writer. Where the same answer is told to many, one after another, its text is made once: to join and flatten it takes
 * a sixteenth of such an exchange.
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
      // By the object: to compare the texts would flatten each of them, only to find out that it is another.
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

/** Date (RFC 9110 §6.6.1) as a line, formatted once a second: under load many answers share it. */
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
