/**
 * The only table of the outcomes of a HEAD. The names are label values of metrics and values of log fields, which dashboards rely on.
 * Exchanges, metrics, Proxy-Status, `headgate explain` and the status page use them.
 */

/** One outcome. */
interface Row {
  /** A text for operators and for Proxy-Status: ASCII without quotes, as a structured field requires (RFC 8941 §3.3.3). */
  readonly words: string;
  /** For the status page, which has room for two words or three. */
  readonly label: string;
  /** Whether the response is that of a GET. */
  readonly isByGet: boolean;
}

/** All outcomes by name. */
export const HEAD_OUTCOMES = {
  /** A GET was sent in its place. */
  convert: { words: "converted", label: "converted", isByGet: true },
  /** The upstream serves HEAD itself (mode auto). */
  native: { words: "served as HEAD", label: "served as HEAD", isByGet: false },
  /** The upstream refused the HEAD, and a GET was sent (mode auto). */
  fallback: { words: "refused as HEAD, repeated as GET", label: "repeated as GET", isByGet: true },
  /** It was sent as it was. */
  pass: { words: "passed on", label: "passed on", isByGet: false },
  /** It was sent as it was, and refusals are counted. */
  observe: { words: "passed on, observed", label: "observed", isByGet: false },
  /** headgate refused it, by its mode or over a limit. */
  reject: { words: "rejected", label: "rejected", isByGet: false },
  /** A GET of the first byte was sent. */
  probed: { words: "probed", label: "probed", isByGet: true },
  /** It got the response to another HEAD. */
  shared: { words: "shared", label: "shared", isByGet: false },
  /** There was no response from an upstream: the client got headgate's error, or had left. */
  failed: { words: "failed", label: "no response", isByGet: false },
} as const satisfies Readonly<Record<string, Row>>;

/** The name of an outcome. */
export type HeadOutcome = keyof typeof HEAD_OUTCOMES;

/** All names, in the order of the table. */
export const HEAD_OUTCOME_NAMES = Object.keys(HEAD_OUTCOMES) as readonly HeadOutcome[];
