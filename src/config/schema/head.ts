/** `head` in the route file. It has defaults at the top level and none in a route. */

import * as z from "zod/mini";
import { HEAD_MODES, HEAD_MODE_NAMES } from "../../http/head-outcomes.ts";
import { guessRate } from "../hints/guess.ts";
import {
  RATE_SYNTAX,
  durationSyntax,
  formatDuration,
  formatRate,
  formatSize,
  parseRate,
} from "../units.ts";
import {
  count,
  described,
  duration,
  durationWith,
  list,
  mapping,
  oneOf,
  positiveDuration,
  scalar,
  size,
  yesOrNo,
} from "./scalars.ts";

/** Names of the rules for HEADs that are passed in every mode but reject. head/passthrough-rules.ts implements them. */
export const HEAD_GUARDS = ["tus", "signed"] as const;

/** A value of the key `guards`. */
export type HeadGuard = (typeof HEAD_GUARDS)[number];

const headMode = () =>
  described(
    oneOf([...HEAD_MODE_NAMES], {
      yes: "convert",
      no: "pass",
      words: { get: "convert", forward: "pass", head: "pass", "405": "reject" },
    }),
    {
      description: `How headgate responds to a HEAD: ${HEAD_MODE_NAMES.map(
        (mode) => `${mode} (${HEAD_MODES[mode].meaning})`,
      ).join(", ")}.`,
    },
  );

const fallbackOn = () =>
  described(list(count(400, 599), "a list of status codes"), {
    description:
      "modes auto and observe: the response statuses that mean that the upstream does not support HEAD.",
  });

const remember = () =>
  described(positiveDuration(), {
    description:
      "How long headgate remembers that a route refused HEAD (mode auto) or a range (range: probe).",
  });

const guards = () =>
  described(list(guard(), "a list of guards"), {
    description:
      "HEADs that are forwarded as HEAD although others are converted. tus: HEADs of tus uploads. signed: HEADs with a signature, in a field or the query, that covers the method; signed-url is its old name. [] = none.",
  });

const guard = () =>
  z.pipe(
    oneOf([...HEAD_GUARDS, "signed-url"]),
    z.transform((name): HeadGuard => (name === "signed-url" ? "signed" : name)),
  );

const allow = () =>
  described(oneOf(["keep", "repair"], { yes: "repair", no: "keep" }), {
    description:
      "repair: if HEADs are converted, headgate adds HEAD to an Allow field that names GET. keep: Allow stays as the upstream sent it (RFC 9110 §10.2.1).",
  });

const contentLength = () =>
  described(oneOf(["keep", "measure"], { yes: "measure", no: "keep" }), {
    description:
      "measure: if the response to a converted HEAD's GET is chunked, headgate counts its body, up to the drain limits, before it responds. If the body ended, the response has the exact Content-Length. keep: the Content-Length stays as in the GET's response.",
  });

const range = () =>
  described(oneOf(["strip", "probe"], { yes: "probe", no: "strip" }), {
    description:
      "probe: a converted HEAD's GET requests only the first byte, and headgate reads the full length from the response, unless the client accepts a content coding. strip: the GET requests no range.",
  });
/** `share` is limited, because headgate is no cache. */
const MAX_SHARE_MS = 60_000;

const share = () =>
  described(
    durationWith(durationSyntax("share", { max: MAX_SHARE_MS })).check(
      z.refine((milliseconds) => milliseconds <= MAX_SHARE_MS, "must be at most 1m"),
    ),
    {
      description:
        "Identical HEADs that arrive together, or within this time, share one upstream request and its response. At most 1m, because headgate is no cache. 0s = each HEAD is sent upstream on its own.",
    },
  );

const limit = () =>
  described(
    mapping({
      concurrent: described(z.optional(count(1, 1_000_000)), {
        description: "Converted HEADs at one time. No limit when left out.",
      }),
      rate: described(
        z.optional(
          scalar({
            title: "rate",
            expected: "a rate such as 100/s",
            parse: parseRate,
            guess: guessRate,
            syntax: RATE_SYNTAX,
            examples: ["100/s", "30/m", "5/h"],
          }),
        ),
        {
          description:
            "Converted HEADs per time: 100/s, 30/m or 5/h, with bursts of up to one second's worth. No limit when left out.",
        },
      ),
    }),
    {
      description:
        "Limits on each route's converted HEADs; beyond them headgate responds with 503.",
    },
  );

const explain = () =>
  described(yesOrNo(), {
    description:
      "Whether the response to a HEAD has a Proxy-Status field that says what headgate did with the HEAD.",
  });

const drainBytes = () =>
  described(size(), {
    description:
      "headgate reads up to this much of a converted HEAD's body, to reuse the upstream connection; beyond it the connection is closed.",
  });

const drainTime = () => described(duration(), { description: "The same limit as a duration." });

const DRAIN = {
  description:
    "How much of the dropped body headgate reads before it closes the upstream connection.",
};

const drainShape = {
  bytes: z.prefault(drainBytes(), "64KiB"),
  time: z.prefault(drainTime(), "200ms"),
};

/** The keys of `head` with their defaults. A new key needs a line here, one in `formatHead`, and a file in head/. */
const headShape = {
  mode: z.prefault(headMode(), "convert"),
  fallbackOn: z.prefault(fallbackOn(), [405, 501]),
  remember: z.prefault(remember(), "5m"),
  guards: z.prefault(guards(), [...HEAD_GUARDS]),
  allow: z.prefault(allow(), "keep"),
  contentLength: z.prefault(contentLength(), "keep"),
  range: z.prefault(range(), "strip"),
  share: z.prefault(share(), "0s"),
  explain: z.prefault(explain(), false),
  limit: z.optional(limit()),
};

/** `head` at the top level as a mapping, with all defaults. */
export const headMapping = mapping({
  ...headShape,
  drain: described(z.prefault(mapping(drainShape), {}), DRAIN),
});

/** `head` in a route as a mapping: a route inherits the keys that it does not set. */
const routeHeadMapping = mapping({
  ...withoutDefaults(headShape),
  drain: described(z.optional(mapping(withoutDefaults(drainShape))), DRAIN),
});

type RawHead = z.output<typeof headMapping>;

/** How headgate responds to a HEAD: the keys of `head`, checked. Durations are in milliseconds, sizes in bytes. */
export type HeadConfig = {
  readonly [Key in keyof RawHead]: RawHead[Key] extends readonly (infer Item)[]
    ? readonly Item[]
    : RawHead[Key];
};

/** `head` at the top level: a mode, or a mapping. */
export const head = z.pipe(
  z.union([headMode(), headMapping]),
  z.transform((written): RawHead =>
    typeof written === "string" ? { ...headMapping.parse({}), mode: written } : written,
  ),
);

/** `head` in a route: a mode, or a mapping. */
export const routeHead = z.pipe(
  z.union([headMode(), routeHeadMapping]),
  z.transform((written): z.output<typeof routeHeadMapping> =>
    typeof written === "string" ? { mode: written } : written,
  ),
);

/** Each key of `head`, so that a new one cannot be left out below. Where the mode is shown, it stands alone. */
type HeadTexts = Readonly<
  Record<`head.${Exclude<keyof RawHead, "mode" | "limit" | "drain">}`, string>
>;

/** Returns the keys of `head`, except the mode, with their values as a route file has them: `head.drain.bytes` and `64KiB`. */
export function formatHead(keys: HeadConfig): HeadTexts & Readonly<Record<string, string>> {
  return {
    "head.fallbackOn": `[${keys.fallbackOn.join(", ")}]`,
    "head.remember": formatDuration(keys.remember),
    "head.guards": `[${keys.guards.join(", ")}]`,
    "head.allow": keys.allow,
    "head.contentLength": keys.contentLength,
    "head.range": keys.range,
    "head.limit.concurrent": String(keys.limit?.concurrent ?? "none"),
    "head.limit.rate": keys.limit?.rate === undefined ? "none" : formatRate(keys.limit.rate),
    "head.share": formatDuration(keys.share),
    "head.explain": String(keys.explain),
    "head.drain.bytes": formatSize(keys.drain.bytes),
    "head.drain.time": formatDuration(keys.drain.time),
  };
}

type Inner<Field> = Field extends z.ZodMiniPrefault<infer Type> | z.ZodMiniOptional<infer Type>
  ? Type
  : never;

/** Returns the same keys without their defaults. Each may be left out. */
function withoutDefaults<
  Shape extends Readonly<Record<string, z.ZodMiniPrefault | z.ZodMiniOptional>>,
>(shape: Shape) {
  const fields = Object.entries(shape).map(([key, field]) => [
    key,
    z.optional(field.def.innerType),
  ]);
  return Object.fromEntries(fields) as unknown as {
    [Key in keyof Shape]: z.ZodMiniOptional<Inner<Shape[Key]>>;
  };
}
