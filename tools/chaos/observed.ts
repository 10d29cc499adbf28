/** What a client saw of the response to one request, over any version of HTTP. */

/** The result of one request. */
export type Observed =
  /** A complete response, of the upstream or of headgate. */
  | {
      readonly kind: "answer";
      readonly from: "upstream" | "headgate";
      readonly status: number;
      /** The id of the exchange that the response names. */
      readonly id: string | undefined;
      /** Whether the connection ends after it. */
      readonly closes: boolean;
    }
  /**
   * The connection or the stream ended in the middle of a response (`broken`), before one, or while another response was due. `refused`:
   * the server says that it has not processed the request (RFC 9113 §8.7).
   */
  | { readonly kind: "broken" | "nothing" | "unanswered" | "refused" | "left" | "hung" }
  /** A violation that a client must never see. */
  | { readonly kind: "foul"; readonly fault: string };

/** A word for the summary. */
export function toOutcome(observed: Observed): string {
  if (observed.kind !== "answer") return observed.kind;
  return observed.from === "upstream" ? "answered" : `headgate ${observed.status}`;
}
