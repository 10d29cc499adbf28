/** What became of a case. */

import { type Arrival } from "./recorder.ts";
import { type ReadResponse } from "./responses.ts";
import { valuesOf } from "./strict.ts";

export interface Verdict {
  readonly outcome: "accepted" | "refused";
  /** What is wrong, if something is. */
  readonly failure: string | undefined;
}

/** Sent behind every case on the same connection: answered only by a proxy that took all that stood before it to its end. */
export const LAST_REQUEST = "GET /end HTTP/1.1\r\nHost: end.example\r\n\r\n";

/** Where the paths of scripted answers begin. */
export const SCRIPTED = "/scripted/";
export const SCRIPTED_PATH = `${SCRIPTED}answer`;
/** Sent behind a request for one. */
export const AFTER_SCRIPTED_PATH = `${SCRIPTED}end`;

/** The number that the recorder gave to the request of this answer; undefined where the proxy answered by itself. */
export function seqOf({ fields }: ReadResponse): number | undefined {
  const [seq] = valuesOf(fields, "x-seq");
  return seq === undefined ? undefined : Number(seq);
}

/** Whether an answer of the recorder is the one to this request, byte for byte. */
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
