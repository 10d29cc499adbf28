/** `head` in the route file: at the top level with its defaults, in a route without. */

import * as z from "zod";
import { guessRate } from "../hints/guess.ts";
import { RATE_SYNTAX, durationSyntax, parseRate } from "../units.ts";
import {
  count,
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

/** Every way to answer a HEAD. A further mode is a line here, and a branch in head/. */
export const HEAD_MODES = {
  convert: "ask the upstream with GET and keep the body back",
  auto: "send the HEAD on, and repeat it as GET where it is refused",
  pass: "send the HEAD on as it is",
  observe: "pass, and count the HEADs that auto would have repeated",
  reject: "answer 405 without asking the upstream",
} as const;

/** HEADs that are passed whatever the mode says, unless it is reject. head/passthrough-rules.ts knows them. */
export const HEAD_GUARDS = ["tus", "signed"] as const;

/** The name of a guard. */
export type HeadGuard = (typeof HEAD_GUARDS)[number];

const headMode = () =>
  oneOf(Object.keys(HEAD_MODES) as (keyof typeof HEAD_MODES)[], {
    yes: "convert",
    no: "pass",
    words: { get: "convert", forward: "pass", head: "pass", "405": "reject" },
  }).meta({
    description: `How a HEAD is answered: ${Object.entries(HEAD_MODES)
      .map(([mode, meaning]) => `${mode} (${meaning})`)
      .join(", ")}.`,
  });

const fallbackOn = () =>
  list(count(400, 599), "a list of status codes").meta({
    description: "modes auto and observe: the answers to a HEAD that mean that it is not served.",
  });

const remember = () =>
  positiveDuration().meta({
    description:
      "How long it is remembered that a route refused HEAD (mode auto) or a range (range: probe).",
  });

const guards = () =>
  list(guard(), "a list of guards").meta({
    description:
      "HEADs that reach the upstream as HEAD where others are converted. tus: HEADs of uploads. signed: HEADs whose signature, in a field or the query, covers the method; signed-url is an old name of it. [] = none.",
  });

const guard = () =>
  oneOf([...HEAD_GUARDS, "signed-url"]).transform((name): HeadGuard =>
    name === "signed-url" ? "signed" : name,
  );

const allow = () =>
  oneOf(["keep", "repair"], { yes: "repair", no: "keep" }).meta({
    description:
      "repair: HEAD is added to an Allow field that names GET, where HEADs are converted. keep: Allow is the upstream's (RFC 9110 §10.2.1).",
  });

const contentLength = () =>
  oneOf(["keep", "measure"], { yes: "measure", no: "keep" }).meta({
    description:
      "measure: where a converted HEAD's GET is chunked, its body is counted within the drain limits before the HEAD is answered, with the exact Content-Length if it ended. keep: as the GET has it.",
  });

const range = () =>
  oneOf(["strip", "probe"], { yes: "probe", no: "strip" }).meta({
    description:
      "probe: a converted HEAD's GET asks for the first byte only, and the full length is read from the answer, unless the client accepts a content coding. strip: the GET asks for no range.",
  });
const MAX_SHARE_MS = 60_000;

const share = () =>
  durationWith(durationSyntax("share", { max: MAX_SHARE_MS }))
    .refine((milliseconds) => milliseconds <= MAX_SHARE_MS, "must be at most 1m")
    .meta({
      description:
        "HEADs that ask the same and come together, or that soon after, get one answer. At most 1m: headgate is no cache. 0s = each asks for itself.",
    });

const limit = () =>
  mapping({
    concurrent: count(1, 1_000_000)
      .optional()
      .meta({ description: "Converted HEADs at one time. No limit when left out." }),
    rate: scalar({
      title: "rate",
      expected: "a rate such as 100/s",
      parse: parseRate,
      guess: guessRate,
      syntax: RATE_SYNTAX,
      examples: ["100/s", "30/m", "5/h"],
    })
      .optional()
      .meta({
        description:
          "Converted HEADs in time: 100/s, 30/m or 5/h, a second's worth of them at once. No limit when left out.",
      }),
  }).meta({
    description: "A cap on each route's converted HEADs; over it they are answered with 503.",
  });

const explain = () =>
  yesOrNo().meta({
    description: "Whether a HEAD's answer says in a Proxy-Status field what was done with it.",
  });

const drainBytes = () =>
  size().meta({
    description:
      "A converted HEAD's body is read up to here to keep the upstream connection; beyond it the connection is closed.",
  });

const drainTime = () => duration().meta({ description: "The same limit in time." });

const DRAIN = {
  description:
    "How much of the body nobody will see is read before the upstream connection is given up.",
};

const drainShape = {
  bytes: drainBytes().prefault("64KiB"),
  time: drainTime().prefault("200ms"),
};

/** Every key of `head`, with its default. A further key is a line here, and a file in head/. */
const headShape = {
  mode: headMode().prefault("convert"),
  fallbackOn: fallbackOn().prefault([405, 501]),
  remember: remember().prefault("5m"),
  guards: guards().prefault([...HEAD_GUARDS]),
  allow: allow().prefault("keep"),
  contentLength: contentLength().prefault("keep"),
  range: range().prefault("strip"),
  share: share().prefault("0s"),
  explain: explain().prefault(false),
  limit: limit().optional(),
};

/** How HEADs are answered, with every default. */
export const headMapping = mapping({
  ...headShape,
  drain: mapping(drainShape).prefault({}).meta(DRAIN),
});

/** The same of a route: it inherits what it does not set. */
const routeHeadMapping = mapping({
  ...withoutDefaults(headShape),
  drain: mapping(withoutDefaults(drainShape)).optional().meta(DRAIN),
});

/** `head` at the top level, checked: durations are milliseconds, sizes bytes. */
export type RawHead = z.output<typeof headMapping>;

/** A mode, or a mapping. */
export const head = z
  .union([headMode(), headMapping])
  .transform((written) =>
    typeof written === "string" ? { ...headMapping.parse({}), mode: written } : written,
  );

/** A route's mode or mapping. */
export const routeHead = z
  .union([headMode(), routeHeadMapping])
  .transform((written): z.output<typeof routeHeadMapping> =>
    typeof written === "string" ? { mode: written } : written,
  );

type Inner<Field> = Field extends z.ZodPrefault<infer Type> | z.ZodOptional<infer Type>
  ? Type
  : never;

/** The same keys without their defaults; each may be left out. */
function withoutDefaults<Shape extends Readonly<Record<string, z.ZodPrefault | z.ZodOptional>>>(
  shape: Shape,
) {
  const fields = Object.entries(shape).map(([key, field]) => [
    key,
    (field.unwrap() as z.ZodType).optional(),
  ]);
  return Object.fromEntries(fields) as unknown as {
    [Key in keyof Shape]: z.ZodOptional<Inner<Shape[Key]>>;
  };
}
