/** The schema of `log`. */

import * as z from "zod/mini";
import { guessBoolean } from "../hints/guess.ts";
import { described, list, mapping, oneOf, yesOrNo } from "./scalars.ts";

/** The fields of a request's log line: OpenTelemetry's names, or headgate's own if it has none. ops/log/access-line.ts writes them. */
const LOG_FIELDS = [
  ...(["http.request.method", "url.path", "url.query", "http.response.status_code"] as const),
  ...(["client.address", "network.protocol.version", "user_agent.original"] as const),
  ...(["tls.client.subject", "tls.client.san", "tls.client.hash.sha256"] as const),
  ...(["error.type", "trace_id"] as const),
  ...(["route", "upstream", "upstream_method", "head", "body", "bytes_drained"] as const),
  ...(["duration_ms", "upstream_ms", "request_id", "exception.stacktrace"] as const),
] as const;

/** The name of a field of a request's log line. */
export type LogField = (typeof LOG_FIELDS)[number];

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** The keys of `log`. */
export const log = mapping(
  {
    level: described(
      z.prefault(
        oneOf(LOG_LEVELS, {
          no: "silent",
          words: {
            warning: "warn",
            err: "error",
            critical: "error",
            fatal: "error",
            trace: "debug",
            verbose: "debug",
          },
        }),
        "info",
      ),
      { description: "Lines of this level and above are written." },
    ),
    access: described(
      z.prefault(oneOf(["all", "errors", "off"], { yes: "all", no: "off" }), "errors"),
      { description: "Which requests get a log line." },
    ),
    format: described(
      z.optional(
        oneOf(["json", "pretty"], {
          words: { text: "pretty", console: "pretty", plain: "pretty" },
        }),
      ),
      {
        description: "pretty is for people; when left out: pretty on a terminal, json elsewhere.",
      },
    ),
    query: described(z.prefault(yesOrNo(), false), {
      description: "Whether url.query is logged. Queries may contain tokens and personal data.",
    }),
    fields: described(z.optional(list(oneOf(LOG_FIELDS), "a list of log fields")), {
      description:
        "The fields of a request's log line, in addition to time, level and msg; all fields when left out.",
    }),
  },
  (input) => {
    const level = LOG_LEVELS.find((name) => name === input);
    if (level !== undefined) return `; did you mean { level: ${level} }?`;
    return guessBoolean(input) === false ? "; did you mean { level: silent }?" : "";
  },
);
