/** Detects a client that misuses its HTTP/2 connection: by a flood of frames, or by frames that break the protocol. */

import type { MisuseKind } from "../server-handler.ts";
import { createBudget } from "./budget.ts";

/** Notes what a client does. */
export interface MisuseGuard {
  /** Counts what costs headgate more than the client. */
  count(kind: CountedKind, count?: number): void;
  /** Takes the error with which node:http2 ends the session. */
  onSessionError(error: Error): void;
}

/** What counts against the budget of a connection. */
type CountedKind = keyof typeof TOO_MANY;

/**
 * What a client may do at once, and each second. Browsers send some hundreds.
 *
 * Both are below nghttp2's own limits for RST_STREAM, 1,000 and 33: nghttp2 does not say why it ends a session, and in Node 20 it does not
 * even close the connection.
 */
const BURST = 900;
const PER_SECOND = 30;

const TOO_MANY = {
  resets: "too many streams that it reset, or that its frames made headgate reset",
  pings: "too many PING frames",
  settings: "too many SETTINGS frames",
  invalid_frames: "too many streams that were over the limit, malformed or too large",
} as const satisfies Partial<Record<MisuseKind, string>>;

/** Error codes of nghttp2 (nghttp2.h), which Node's constants do not have. */
const CALLBACK_FAILURE = -902;
const FLOODED = -904;
const TOO_MANY_CONTINUATIONS = -905;

/** Errors that the client's frames cause. All others come from the socket, or are the client's own GOAWAY. */
const SESSION_ERRORS: ReadonlySet<unknown> = new Set([
  "ERR_HTTP2_ERROR",
  "ERR_HTTP2_TOO_MANY_INVALID_FRAMES",
]);

/** Creates the guard of one connection. It calls `onMisuse` once at most; then the connection has to be closed. */
export function createMisuseGuard(
  onMisuse: (kind: MisuseKind, reason: string) => void,
): MisuseGuard {
  const budget = createBudget(BURST, PER_SECOND);
  let isOver = false;
  let last: "pings" | "settings" = "settings";
  return {
    count(kind, count = 1) {
      if (kind === "pings" || kind === "settings") last = kind;
      if (!isOver && !budget.take(performance.now(), count)) report(kind, TOO_MANY[kind]);
    },
    onSessionError(error: Error & { readonly code?: unknown; readonly errno?: unknown }) {
      if (isOver || !SESSION_ERRORS.has(error.code)) return;
      report(toKind(error.errno, last), error.message);
    },
  };

  function report(kind: MisuseKind, reason: string): void {
    isOver = true;
    onMisuse(kind, reason);
  }
}

/** Converts an error code of nghttp2. It reports a flood if too many acknowledgements, of PINGs or of SETTINGS, wait to leave. */
function toKind(errno: unknown, last: "pings" | "settings"): MisuseKind {
  switch (errno) {
    case FLOODED:
      return last;
    case TOO_MANY_CONTINUATIONS:
      return "continuations";
    // Node's own limits end a session by a failed callback.
    case CALLBACK_FAILURE:
      return "invalid_frames";
    default:
      return "protocol";
  }
}
