/** Header sections of answers to clients, with what this hop adds. */

import { type AnswerText, toAnswerText } from "../../http/answer-text.ts";

/** Writes them for all connections of a server. Lists of fields that were given to it do not change any more. */
export interface HeadWriter {
  /** The part that the answer itself says. */
  begin(status: number, reason: string, fields: readonly string[]): AnswerText;
  /** All of it. `connection` are the lines of this hop. */
  complete(answer: AnswerText, connection: string): string;
}

/**
 * Creates the writer. Where the same answer is told to many, one after another, its text is made once: to join and flatten it takes
 * a sixteenth of such an exchange.
 */
export function createHeadWriter(): HeadWriter {
  const date = createDate();
  let last: { readonly fields: readonly string[]; readonly answer: AnswerText } | undefined;
  let lastStatus = 0;
  let lastReason = "";
  let lastWhole = { text: "", dateLine: "", connection: "", whole: "" };

  return {
    begin(status, reason, fields) {
      if (last?.fields === fields && status === lastStatus && reason === lastReason)
        return last.answer;
      const answer = toAnswerText(status, reason, fields);
      last = { fields, answer };
      lastStatus = status;
      lastReason = reason;
      return answer;
    },
    complete({ text, hasDate }, connection) {
      const dateLine = hasDate ? "" : date();
      const isSame =
        lastWhole.text === text &&
        lastWhole.dateLine === dateLine &&
        lastWhole.connection === connection;
      if (isSame) return lastWhole.whole;
      const whole = `${text}${dateLine}${connection}\r\n`;
      lastWhole = { text, dateLine, connection, whole };
      return whole;
    },
  };
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
