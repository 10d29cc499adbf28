/**
 * The only tables of the outcomes of a HEAD and of its modes. The names of outcomes are label values of metrics and values of log fields,
 * which dashboards rely on. Exchanges, metrics, Proxy-Status, `headgate explain` and the status page use them.
 */

/** One outcome. */
interface Outcome {
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
} as const satisfies Readonly<Record<string, Outcome>>;

/** The name of an outcome. */
export type HeadOutcome = keyof typeof HEAD_OUTCOMES;

/** All names, in the order of the table. */
export const HEAD_OUTCOME_NAMES = Object.keys(HEAD_OUTCOMES) as readonly HeadOutcome[];

/** What a mode is, besides its functions in proxy/modes/. */
export interface HeadModeFacts {
  /** What headgate does, for the documentation of the route file. */
  readonly meaning: string;
  /** The outcome, unless something else happens on the way: a fallback, a probe, a shared response, a failure. */
  readonly outcome: HeadOutcome;
  /** The method of its first upstream request; undefined: headgate responds itself. */
  readonly upstreamMethod: "GET" | "HEAD" | undefined;
  /** Whether it may send a GET, so that HEAD is served where the upstream refuses it. */
  readonly mayGet: boolean;
}

/** The modes of `head` in the route file. A new one needs a row here, one in proxy/plan.ts, and a file in proxy/modes/. */
export const HEAD_MODES = {
  convert: {
    meaning: "send a GET upstream and drop the body",
    outcome: "convert",
    upstreamMethod: "GET",
    mayGet: true,
  },
  auto: {
    meaning: "forward the HEAD, and send a GET if the upstream refuses it",
    outcome: "native",
    upstreamMethod: "HEAD",
    mayGet: true,
  },
  pass: {
    meaning: "forward the HEAD unchanged",
    outcome: "pass",
    upstreamMethod: "HEAD",
    mayGet: false,
  },
  observe: {
    meaning: "pass, and count the HEADs for which auto would have sent a GET",
    outcome: "observe",
    upstreamMethod: "HEAD",
    mayGet: false,
  },
  reject: {
    meaning: "respond with 405 without a request to the upstream",
    outcome: "reject",
    upstreamMethod: undefined,
    mayGet: false,
  },
} as const satisfies Readonly<Record<string, HeadModeFacts>>;

/** The name of a mode. */
export type HeadModeName = keyof typeof HEAD_MODES;

/** All names, in the order of the table. Pure, so that the script of the status page, which needs no modes, does not contain them. */
export const HEAD_MODE_NAMES = /* @__PURE__ */ Object.keys(HEAD_MODES) as readonly HeadModeName[];
