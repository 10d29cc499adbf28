/** The verdict on a case. */

import { type Arrival } from "./recorder.ts";
import { type ReadResponse } from "./responses.ts";
import { valuesOf } from "./strict.ts";

/** The verdict on a case. */
export interface Verdict {
  readonly outcome: "accepted" | "refused";
  /** The failure, if there is one. */
  readonly failure: string | undefined;
}

/** Follows every case on the same connection: a proxy responds to it only if it processed all bytes before it. */
export const LAST_REQUEST = "GET /end HTTP/1.1\r\nHost: end.example\r\n\r\n";

/** The prefix of the paths of scripted responses. */
export const SCRIPTED = "/scripted/";
/** The path of a scripted response. */
export const SCRIPTED_PATH = `${SCRIPTED}answer`;
/** The path of the request after it. */
export const AFTER_SCRIPTED_PATH = `${SCRIPTED}end`;

/** The number that the recorder gave to the request of this response; undefined if the proxy generated the response. */
export function seqOf({ fields }: ReadResponse): number | undefined {
  const [seq] = valuesOf(fields, "x-seq");
  return seq === undefined ? undefined : Number(seq);
}

/** Whether the recorder sent this response to this request, byte for byte. */
export function isResponseTo(
  { body }: ReadResponse,
  { method, seq, target }: Arrival,
  asked: string,
): boolean {
  return body === (asked === "HEAD" || method === "HEAD" ? "" : `${seq} ${target}`);
}

/** Shortens bytes for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 600 ? `${text.slice(0, 600)}…` : text);
}
