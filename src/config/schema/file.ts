/**
 * The one schema of the route file: what may be written, the defaults and the descriptions. The types below, the JSON Schema
 * and the reference in docs/ come from it. Only zod is imported here, and nothing of zod leaves this file.
 */

import * as z from "zod";
import { CLAIM_NAMES } from "../../http/forwarded.ts";
import {
  ADDRESS_OR_OFF_SYNTAX,
  ADDRESS_SYNTAX,
  MODE_SYNTAX,
  RANGE_SYNTAX,
  URL_SYNTAX,
  parseAddress,
  parseAddressOrOff,
  parseMode,
  parseRange,
  parseUpstreamUrl,
} from "../address.ts";
import type { Address } from "../address.ts";
import {
  ask,
  guessBoolean,
  guessDuration,
  guessItems,
  guessNumber,
  guessRate,
  guessSize,
} from "../guess.ts";
import { guessAddress, guessAddressOrOff, guessHost, guessUrl } from "../guess-address.ts";
import { guessPath } from "../guess-path.ts";
import { UNPRINTABLE } from "../host-pattern.ts";
import { flattenIssues, listKeys, mismatch, notOneOf } from "./issues.ts";
import type { Finding, KeyPath, Synonyms } from "./issues.ts";
import { toKeywords, toRouteFileSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { TextSyntax } from "../text-syntax.ts";
import { createKeyHints } from "../key-hints.ts";
import {
  HOST_SYNTAX,
  METHOD_SYNTAX,
  PATH_SYNTAX,
  parseMethod,
  parseRouteHost,
  parseRoutePath,
} from "../route-syntax.ts";
import { RESERVED_NAMES } from "../routes.ts";
import { asList, asMapping } from "../untyped.ts";
import { createPauses } from "../../runtime/turn.ts";
import {
  ABOVE_ZERO,
  RATE_SYNTAX,
  durationSyntax,
  parseDuration,
  parseRate,
  parseSize,
  sizeSyntax,
} from "../units.ts";

/** Every way to answer a HEAD. A further mode is a line here, and a branch in head/. */
const HEAD_MODES = {
  convert: "ask the upstream with GET and keep the body back",
  auto: "send the HEAD on, and repeat it as GET where it is refused",
  pass: "send the HEAD on as it is",
  observe: "pass, and count the HEADs that auto would have repeated",
  reject: "answer 405 without asking the upstream",
} as const;

/** HEADs that are passed whatever the mode says, unless it is reject. head/passthrough-rules.ts knows them. */
const HEAD_GUARDS = ["tus", "signed"] as const;

/** Loopback, private and link-local ranges (RFC 1122, 1918, 3927, 4193, 4291): what stands before a sidecar in its own network. */
const PRIVATE_RANGES =
  "127.0.0.0/8 ::1/128 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10".split(
    " ",
  );

/** The fields of a request's log line: OpenTelemetry's names, and ours where it has no word. ops/log/access-line.ts fills them in. */
const LOG_FIELDS = [
  ...(["http.request.method", "url.path", "url.query", "http.response.status_code"] as const),
  ...(["client.address", "user_agent.original", "error.type", "trace_id"] as const),
  ...(["route", "upstream", "upstream_method", "head", "body", "bytes_drained"] as const),
  ...(["duration_ms", "upstream_ms", "request_id", "exception.stacktrace"] as const),
] as const;

/** An upstream's name. It holds no colon, so a name and a URL cannot be confused. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

// --- What a value may be ---------------------------------------------------------------------------------------------------

interface ScalarKind<Value> {
  readonly title: string;
  /** For the message when it is no text at all. */
  readonly expected: string;
  readonly parse: (text: string) => Value;
  /** What `parse` reads, for the JSON Schema. */
  readonly syntax: TextSyntax;
  readonly examples: readonly string[];
  /** What was probably meant by a value that is none. */
  readonly guess?: (input: unknown) => string | undefined;
}

/** A text with a syntax of its own; `parse` throws a RangeError that says what is wrong with it. */
function scalar<Value>({ title, expected, parse, syntax, examples, guess }: ScalarKind<Value>) {
  const hint = (input: unknown): string => ask(checkGuess(guess?.(input), parse));
  const text = z
    .string({ error: mismatch(expected, hint) })
    .meta({ title, examples, ...toKeywords(syntax) });
  return text.transform((written, context): Value => {
    try {
      return parse(written);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const message = `${error.message}${hint(written)}`;
      context.issues.push({ code: "custom", message, input: written });
      return z.NEVER;
    }
  });
}

/** A guess that is wrong itself is none. */
function checkGuess(
  guess: string | undefined,
  parse: (text: string) => unknown,
): string | undefined {
  try {
    if (guess !== undefined) parse(guess);
    return guess;
  } catch {
    return undefined;
  }
}

const durationWith = (syntax: TextSyntax) =>
  scalar({
    title: "duration",
    expected: "a duration such as 250ms or 5s",
    parse: parseDuration,
    guess: guessDuration,
    syntax,
    examples: ["250ms", "5s", "1m"],
  });
const duration = () => durationWith(durationSyntax("duration"));
/** For limits of time where 0 would mean "at once" and so break everything. */
const positiveDuration = () =>
  durationWith(durationSyntax("positiveDuration", { least: ABOVE_ZERO })).refine(
    (milliseconds) => milliseconds > 0,
    "must be longer than 0",
  );
const sizeWith = (syntax: TextSyntax, examples: readonly string[]) =>
  scalar({
    title: "size",
    expected: "a size such as 512B or 64KiB",
    parse: parseSize,
    guess: guessSize,
    syntax,
    examples,
  });
const size = () => sizeWith(sizeSyntax("size"), ["512B", "64KiB", "1MiB"]);
/** Less holds no request of a browser, and more is no header section. */
const [LEAST_HEADER, MOST_HEADER] = [1024, 1024 ** 2];
const headerSize = () =>
  sizeWith(sizeSyntax("headerSize", { least: LEAST_HEADER, most: MOST_HEADER }), [
    "16KiB",
    "64KiB",
  ]).refine(
    (bytes) => bytes >= LEAST_HEADER && bytes <= MOST_HEADER,
    "must be between 1KiB and 1MiB",
  );
const text = (title: string, expected: string, example: string) =>
  z
    .string({ error: mismatch(expected) })
    .min(1, "is empty")
    .meta({ title, examples: [example] });
const count = (least: number, most: number) =>
  z
    .int({ error: mismatch("a whole number", guessNumber) })
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);
const oneOf = <Name extends string>(names: readonly Name[], synonyms: Synonyms<Name> = {}) =>
  z.enum(names, { error: notOneOf(names, synonyms) });
const yesOrNo = () => z.boolean({ error: mismatch("true or false", hintOfBoolean) });
const list = <Item extends z.ZodType>(item: Item, expected: string) =>
  z.array(item, {
    error: mismatch(expected, (input) => {
      const items = guessItems(input);
      const isRight = items.length > 0 && items.every((one) => item.safeParse(one).success);
      return isRight ? `; did you mean [${items.join(", ")}]?` : "";
    }),
  });
const mapping = <Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  hint?: (input: unknown) => string,
) => z.strictObject(shape, { error: listKeys(Object.keys(shape), hint) });
const url = () =>
  scalar({
    title: "upstream URL",
    expected: "a URL such as http://127.0.0.1:8000",
    parse: parseUpstreamUrl,
    guess: guessUrl,
    syntax: URL_SYNTAX,
    examples: ["http://127.0.0.1:8000", "https://app", "unix:/run/app.sock"],
  });

function hintOfBoolean(input: unknown): string {
  const meant = guessBoolean(input);
  if (meant === undefined) return "";
  return input === String(meant)
    ? `; did you mean ${input}, without quotes?`
    : `; did you mean ${meant}?`;
}

/** An address to listen on, alone or with the mode of its Unix socket. */
interface PlaceKind<Place> {
  readonly parse: (text: string) => Place;
  readonly syntax: TextSyntax;
  readonly examples: readonly string[];
  /** The default mode. */
  readonly preset: string;
}

function place<Place extends Address | "off">({
  parse,
  syntax,
  examples,
  preset,
}: PlaceKind<Place>) {
  const isOptional = examples.includes("off");
  const address = () =>
    scalar({
      title: "address",
      expected: `an address such as 0.0.0.0:8080${isOptional ? ", or off" : ""}`,
      parse,
      guess: isOptional ? guessAddressOrOff : guessAddress,
      syntax,
      examples,
    });
  const placed = mapping({
    address: address().meta({ description: "The same as without a mapping." }),
    mode: scalar({
      title: "file mode",
      expected: `a file mode in quotes such as "${preset}"`,
      parse: parseMode,
      syntax: MODE_SYNTAX,
      examples: [preset, "0660"],
    })
      .optional()
      .meta({
        description: `The permissions of a Unix socket's file, which say who may connect; "${preset}" when left out. A reload may change it.`,
      }),
  })
    .superRefine(({ address: where, mode }, context) => {
      if (mode === undefined || isUnix(where)) return;
      const message = "is the mode of a Unix socket, and the address is none";
      context.addIssue({ code: "custom", path: ["mode"], message });
    })
    .meta({ ...dependsOnText("mode", "address", "^unix:") });
  return z
    .union([address(), placed])
    .transform((written) =>
      typeof written === "object" && "address" in written
        ? withMode<Place>(written.address, written.mode ?? parseMode(preset))
        : withMode<Place>(written, parseMode(preset)),
    );
}

type UnixAddress = Extract<Address, { kind: "unix" }>;

function withMode<Place extends Address | "off">(where: Place, mode: number): Place | UnixAddress {
  return isUnix(where) ? { kind: "unix", path: where.path, mode } : where;
}

function isUnix(where: Address | "off"): where is UnixAddress {
  return where !== "off" && where.kind === "unix";
}

/** Requires of a mapping with `key` that the text of `other` match the pattern, or contain a variable. */
function dependsOnText(key: string, other: string, pattern: string): JsonSchema {
  const value: JsonSchema = { type: "string", pattern: `${pattern}|\\$\\{` };
  return { dependencies: { [key]: { type: "object", properties: { [other]: value } } } };
}

// --- upstreams -------------------------------------------------------------------------------------------------------------

const tls = mapping({
  ca: text("file", "the path of a PEM file", "ca.pem").optional().meta({
    description:
      "PEM file of the authorities to trust instead of the well-known ones, relative to the route file.",
  }),
  cert: text("file", "the path of a PEM file", "client.pem").optional().meta({
    description: "PEM file of the certificate that headgate shows (mutual TLS); needs key.",
  }),
  key: text("file", "the path of a PEM file", "client-key.pem")
    .optional()
    .meta({ description: "PEM file of the key of cert." }),
  serverName: text("host", "a host name", "app.internal").optional().meta({
    description:
      "The name asked for (SNI) and looked for in the certificate; the URL's host when left out.",
  }),
  verify: yesOrNo().prefault(true).meta({
    description:
      "Whether the certificate is checked. false makes the connection open to anyone in between.",
  }),
}).meta({
  description: "For https:// upstreams.",
  dependencies: { cert: ["key"], key: ["cert"] },
});

const strict = () =>
  yesOrNo().meta({
    description:
      "true: a response with a liberty of old backends is refused with 502. false: it is accepted if it has one reading, see forwarding.md.",
  });

const upstreamSettings = mapping({
  connectTimeout: positiveDuration()
    .prefault("2s")
    .meta({ description: "Until the connection stands, lookup and TLS included; then 504." }),
  responseTimeout: positiveDuration()
    .prefault("60s")
    .meta({ description: "From the request to the end of the answer's header section; then 504." }),
  idleTimeout: duration().prefault("5m").meta({
    description:
      "Between two pieces of content: of an upload, then 408 or 504; of an answer, which is broken off. 0s = no limit.",
  }),
  keepAlive: duration().prefault("4s").meta({
    description:
      "How long an idle connection is kept. Stay below the upstream's own limit (uvicorn: 5s). 0s = a new connection for each request.",
  }),
  maxAge: duration().prefault("5m").meta({
    description:
      "How old a connection may become and still be used for another request, so that a name that has moved is followed under steady load. It never cuts an exchange. 0s = no limit.",
  }),
  maxConnections: count(1, 65_535).prefault(256).meta({
    description:
      "Connections at one time, tunnels (WebSockets) included; further requests wait (limits.waiting).",
  }),
  headerBytes: headerSize().prefault("64KiB").meta({
    description:
      "Size of a response's header section, with status line and empty line; then 502. A connection holds as much while a section arrives in pieces.",
  }),
  strict: strict().prefault(false),
  host: oneOf(["preserve", "upstream"], { yes: "preserve", no: "upstream" })
    .prefault("preserve")
    .meta({
      description: "The Host field the upstream sees: the client's, or the upstream's own.",
    }),
  tls: tls.optional(),
});

const upstreamMapping = mapping({
  url: url().meta({
    description:
      "http://host:port, https://host or unix:/path. No path: paths are forwarded unchanged.",
  }),
  ...upstreamSettings.shape,
}).meta({ ...dependsOnText("tls", "url", "^[Hh][Tt][Tt][Pp][Ss]:") });

const upstreamOf = (settings: typeof upstreamMapping) =>
  z
    .union([url(), settings])
    .transform((written) =>
      "authority" in written ? { ...upstreamSettings.parse({}), url: written } : written,
    );

/** In a route: the name of an upstream, or a URL with the default settings. */
const upstreamReference = scalar({
  title: "upstream name or URL",
  expected: "the name of an upstream or a URL",
  guess: guessUrl,
  parse: (written) =>
    NAME.test(written)
      ? { name: written }
      : {
          name: written,
          inline: { ...upstreamSettings.parse({}), url: parseUpstreamUrl(written) },
        },
  syntax: {
    name: "upstreamReference",
    shape: `${NAME.source}|${URL_SYNTAX.shape}`,
    exact: `${NAME.source}|${URL_SYNTAX.exact}`,
  },
  examples: ["api", "http://127.0.0.1:8000"],
});

// --- head and routes -------------------------------------------------------------------------------------------------------

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
const LONGEST_SHARE_MS = 60_000;
const share = () =>
  durationWith(durationSyntax("share", { most: LONGEST_SHARE_MS }))
    .refine((milliseconds) => milliseconds <= LONGEST_SHARE_MS, "must be at most 1m")
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

const drainMeaning = {
  description:
    "How much of the body nobody will see is read before the upstream connection is given up.",
};

const headMapping = mapping({
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
  drain: mapping({
    bytes: drainBytes().prefault("64KiB"),
    time: drainTime().prefault("200ms"),
  })
    .prefault({})
    .meta(drainMeaning),
});
const head = z
  .union([headMode(), headMapping])
  .transform((written) =>
    typeof written === "string" ? { ...headMapping.parse({}), mode: written } : written,
  );

/** A route's own: every field may be left out and is then the top level's. */
const routeHeadMapping = mapping({
  mode: headMode().optional(),
  fallbackOn: fallbackOn().optional(),
  remember: remember().optional(),
  guards: guards().optional(),
  allow: allow().optional(),
  contentLength: contentLength().optional(),
  range: range().optional(),
  share: share().optional(),
  explain: explain().optional(),
  limit: limit().optional(),
  drain: mapping({ bytes: drainBytes().optional(), time: drainTime().optional() })
    .optional()
    .meta(drainMeaning),
});
const routeHead = z
  .union([headMode(), routeHeadMapping])
  .transform((written): z.output<typeof routeHeadMapping> =>
    typeof written === "string" ? { mode: written } : written,
  );

const methods = list(
  scalar({
    title: "method",
    expected: "a method such as GET",
    parse: parseMethod,
    syntax: METHOD_SYNTAX,
    examples: ["GET", "POST"],
  }),
  "a list of methods",
)
  .min(1, "is empty")
  .meta({ description: "The methods that Allow names." });
const options = () =>
  z
    .union([
      oneOf(["forward", "reply"], { yes: "reply", no: "forward" }),
      mapping({ allow: methods }),
    ])
    .transform((written): OptionsConfig | "forward" =>
      written === "reply" ? { allow: undefined } : written,
    )
    .meta({
      description:
        "reply: headgate answers OPTIONS with 204 and Allow: GET, HEAD, OPTIONS, for health checks of a backend that refuses OPTIONS; { allow: [GET, POST] } names other methods. A CORS preflight is always forwarded. forward: the upstream answers.",
    });

const ROUTE_NAME_SYNTAX: TextSyntax = {
  name: "routeName",
  shape: `^[^${UNPRINTABLE}]{1,128}$`,
  never: `^(${RESERVED_NAMES.join("|")})$`,
};

const route = mapping({
  name: z
    .string({ error: mismatch("a text") })
    .meta({ title: "text", examples: ["web api"], ...toKeywords(ROUTE_NAME_SYNTAX) })
    .refine((name) => /^\P{C}{1,128}$/u.test(name), "must be 1 to 128 printable characters")
    .optional()
    .meta({ description: "For logs and metrics, no two alike; host + path when left out." }),
  host: scalar({
    title: "host",
    expected: "a host such as example.com",
    parse: parseRouteHost,
    guess: guessHost,
    syntax: HOST_SYNTAX,
    examples: ["example.com", "*.example.com"],
  })
    .optional()
    .meta({
      description:
        "example.com, or *.example.com for every name below it. Compared without case and port. Every host when left out.",
    }),
  path: scalar({
    title: "path",
    expected: "a path such as /health",
    parse: parseRoutePath,
    guess: guessPath,
    syntax: PATH_SYNTAX,
    examples: ["/health", "/users/{id}", "/files/*"],
  }).meta({
    description:
      "/exact; /users/{id}/avatar, {id} standing for one segment; /prefix/* for /prefix and everything below it.",
  }),
  head: routeHead
    .optional()
    .meta({ description: "A mode, or a mapping; what it leaves out is the top level's." }),
  options: options().optional(),
  upstream: upstreamReference
    .optional()
    .meta({ description: "A name in upstreams, or a URL; the top-level upstream when left out." }),
  responseTimeout: positiveDuration()
    .optional()
    .meta({ description: "Instead of the upstream's." }),
  idleTimeout: duration().optional().meta({ description: "Instead of the upstream's." }),
  strict: strict().optional(),
});

// --- the whole -------------------------------------------------------------------------------------------------------------

const forwardedMapping = mapping({
  trust: list(
    scalar({
      title: "IP address or range",
      expected: "an IP address or range",
      parse: parseRange,
      syntax: RANGE_SYNTAX,
      examples: ["10.0.0.0/8", "::1"],
    }),
    "a list of addresses and ranges",
  )
    .prefault(PRIVATE_RANGES)
    .meta({
      description: `Peers that may say who the client is. Of any other peer these fields are dropped, in any spelling with - or _: ${CLAIM_NAMES.join(", ")}.`,
    }),
});
const forwarded = z.union([oneOf(["off"], { no: "off" }), forwardedMapping]);

const timeouts = mapping({
  header: positiveDuration()
    .prefault("10s")
    .meta({ description: "For a client to send its header section; then 408." }),
  keepAlive: positiveDuration().prefault("75s").meta({
    description:
      "How long an idle client connection is kept. Longer than the load balancer in front keeps it (usually 60s).",
  }),
  idle: duration().prefault("5m").meta({
    description:
      "For a client that takes nothing of its response. An upload's limit is the upstream's idleTimeout, a tunnel's is tunnelIdle. 0s = no limit.",
  }),
  upgrade: positiveDuration().prefault("10s").meta({
    description:
      "For the upstream to answer an upgrade; then 504. An upgrade waits as long for a connection; then 503. For a request with content both limits are its responseTimeout.",
  }),
  tunnelIdle: duration().prefault("1h").meta({
    description:
      "For a tunnel (a WebSocket) in which neither side sends or takes a byte. 0s = no limit.",
  }),
});

const limits = mapping({
  headerBytes: headerSize().prefault("32KiB").meta({
    description: "Size of a request's header section, with request line and empty line; then 431.",
  }),
  headerCount: count(1, 10_000)
    .prefault(200)
    .meta({ description: "Fields in a header section; then 431." }),
  waiting: count(0, 1_000_000).prefault(1024).meta({
    description:
      "Requests that wait for a connection of one upstream, none longer than responseTimeout; then 503.",
  }),
  draining: count(0, 1_000_000).prefault(128).meta({
    description:
      "Bodies of converted HEADs that are read at one time; beyond it the connection is closed.",
  }),
  connections: count(0, 1_000_000).prefault(0).meta({
    description:
      "Client connections at one time; beyond it a request is answered with 503. 0 = no limit.",
  }),
  tunnels: count(0, 1_000_000).prefault(0).meta({
    description:
      "Tunnels at one time, asked for or open, to all upstreams; then 503. 0 = no limit but each upstream's maxConnections.",
  }),
});

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

const logShape = {
  level: oneOf(LOG_LEVELS, {
    no: "silent",
    words: {
      warning: "warn",
      err: "error",
      critical: "error",
      fatal: "error",
      trace: "debug",
      verbose: "debug",
    },
  })
    .prefault("info")
    .meta({ description: "The least severe lines that are written." }),
  access: oneOf(["all", "errors", "off"], { yes: "all", no: "off" })
    .prefault("errors")
    .meta({ description: "Which requests get a line." }),
  format: oneOf(["json", "pretty"], {
    words: { text: "pretty", console: "pretty", plain: "pretty" },
  })
    .optional()
    .meta({
      description: "pretty is for people; when left out: pretty on a terminal, json elsewhere.",
    }),
  query: yesOrNo()
    .prefault(false)
    .meta({ description: "Whether url.query is logged. Queries carry tokens and personal data." }),
  fields: list(oneOf(LOG_FIELDS), "a list of log fields").optional().meta({
    description:
      "The only fields of a request's line, beside time, level and msg; all of them when left out.",
  }),
};

const log = mapping(logShape, (input) => {
  const level = LOG_LEVELS.find((name) => name === input);
  if (level !== undefined) return `; did you mean { level: ${level} }?`;
  return guessBoolean(input) === false ? "; did you mean { level: silent }?" : "";
});

const shutdown = mapping({
  delay: duration().prefault("0s").meta({
    description:
      "Between not being ready any more and no longer accepting, for a load balancer to notice.",
  }),
  grace: duration().prefault("25s").meta({
    description:
      "For requests in flight to finish. Below Kubernetes' terminationGracePeriodSeconds (30s).",
  }),
});

/** A mapping instead of a list: dashes are missing. */
function hintOfRoutes(input: unknown): string {
  const [key] = Object.keys(asMapping(input));
  if (key === undefined) return "";
  return key.startsWith("-")
    ? ": a space is missing after the dash"
    : ': each route begins with a dash, as in "- path: /health"';
}

/** On loopback: the network sees paths, upstreams and counts only if the operator wants it. */
const DEFAULT_ADMIN = "127.0.0.1:9090";

/** `default` is the name of the top-level upstream, and no mapping may have the key `__proto__`. */
const UPSTREAM_NAMES = { not: { enum: ["default", "__proto__"] } };

const file = mapping({
  listen: place({
    parse: parseAddress,
    syntax: ADDRESS_SYNTAX,
    examples: [":8080", "[::]:8080", "unix:/run/headgate.sock"],
    preset: "0666",
  })
    .prefault("0.0.0.0:8080")
    .meta({
      description:
        "Where clients connect: host:port, :port (every IPv4 address), [::]:port, unix:/path or fd:3 (an inherited socket).",
    }),
  admin: place({
    parse: parseAddressOrOff,
    syntax: ADDRESS_OR_OFF_SYNTAX,
    examples: [":9090", "unix:/run/headgate-admin.sock", "off"],
    preset: "0600",
  })
    .prefault(DEFAULT_ADMIN)
    .meta({
      description:
        "Where /livez, /readyz, /metrics and the status page are; or off. The image's default is 0.0.0.0:9090.",
    }),
  // `url` is not required here: a flag or an environment variable may give it.
  upstream: upstreamOf(upstreamMapping.meta({ required: [] }))
    .optional()
    .meta({
      description:
        "Where requests go unless a route says otherwise: a URL, or a mapping. Required, here or by --upstream or HEADGATE_UPSTREAM.",
    }),
  upstreams: z
    .record(z.string().regex(NAME).meta(UPSTREAM_NAMES), upstreamOf(upstreamMapping), {
      error: mismatch("a mapping from names to upstreams"),
    })
    .prefault({})
    .meta({ description: "Further upstreams by name, for routes." }),
  head: head
    .prefault({})
    .meta({ description: "For every route that does not say otherwise: a mode, or a mapping." }),
  options: options().prefault("forward"),
  routes: z
    .array(route, { error: mismatch("a list of routes", hintOfRoutes) })
    .prefault([])
    .meta({
      description:
        "The most specific route wins, wherever it stands; a request that no route matches uses the top level's settings.",
    }),
  forwarded: forwarded.prefault({}).meta({
    description:
      "Who may say who the client is, in X-Forwarded-For and the like; off: all such fields pass as they came.",
  }),
  timeouts: timeouts.prefault({}).meta({ description: "Limits of time towards clients." }),
  limits: limits.prefault({}).meta({ description: "Limits of size and number." }),
  requestId: oneOf(["log", "forward"], { yes: "forward", no: "log" }).prefault("log").meta({
    description:
      "forward: the upstream gets each request's id as X-Request-Id. log: it gets what the client sent, if anything.",
  }),
  log: log.prefault({}).meta({ description: "What is written to standard output." }),
  shutdown: shutdown.prefault({}).meta({ description: "What happens at SIGTERM." }),
}).meta({ title: "headgate route file" });

const hintOfKey = createKeyHints({
  upstream: Object.keys(upstreamMapping.shape),
  "upstream.tls": Object.keys(tls.shape),
  head: Object.keys(headMapping.shape),
  "head.drain": ["bytes", "time"],
  "head.limit": ["concurrent", "rate"],
  "a route": Object.keys(route.shape),
  forwarded: Object.keys(forwardedMapping.shape),
  timeouts: Object.keys(timeouts.shape),
  limits: Object.keys(limits.shape),
  log: Object.keys(log.shape),
  shutdown: Object.keys(shutdown.shape),
  "the top level": Object.keys(file.shape),
});

// --- What comes out --------------------------------------------------------------------------------------------------------

/** What was written, checked, in milliseconds and bytes, with every default; names and files are not looked up yet. */
export type Written = z.output<typeof file>;
/** One upstream of it. */
export type WrittenUpstream = z.output<typeof upstreamMapping>;
/** One route of it. */
export type WrittenRoute = z.output<typeof route>;

/** The value, checked; or everything that is wrong with it. */
export function parseWritten(value: unknown): {
  readonly written: Written | undefined;
  readonly findings: readonly Finding[];
} {
  const result = file.safeParse(value);
  return result.success
    ? { written: result.data, findings: [] }
    : { written: undefined, findings: flattenIssues(result.error.issues, hintOfKey) };
}

/** Does the same route by route and upstream by upstream, so that a long file does not block the event loop. */
export async function parseInSteps(value: unknown): Promise<ReturnType<typeof parseWritten>> {
  const { routes, upstreams } = asMapping(value);
  const [allRoutes, allUpstreams] = [asList(routes), asMapping(upstreams)];
  const { written, findings: first } = parseWritten(
    routes === allRoutes || upstreams === allUpstreams
      ? {
          ...asMapping(value),
          ...(routes === allRoutes && { routes: [] }),
          ...(upstreams === allUpstreams && { upstreams: {} }),
        }
      : value,
  );
  const findings = [...first];
  const parsed = { routes: [] as WrittenRoute[], upstreams: {} as Written["upstreams"] };
  const pause = createPauses();
  await pause();
  for (const [index, one] of allRoutes.entries()) {
    const result = file.shape.routes.safeParse([one]);
    if (result.success) parsed.routes.push(...result.data);
    else findings.push(...locateIssues(result.error.issues, ["routes", index]));
    await pause();
  }
  for (const [name, one] of Object.entries(allUpstreams)) {
    const result = file.shape.upstreams.safeParse({ [name]: one });
    if (result.success) Object.assign(parsed.upstreams, result.data);
    else findings.push(...locateIssues(result.error.issues, ["upstreams", name]));
    await pause();
  }
  return {
    written: written === undefined || findings.length > 0 ? undefined : { ...written, ...parsed },
    findings,
  };
}

/** The issues of a collection with one entry, as those of the entry at `path`. */
function locateIssues(
  issues: Parameters<typeof flattenIssues>[0],
  path: KeyPath,
): readonly Finding[] {
  return flattenIssues(
    issues.map((issue) => ({ ...issue, path: issue.path.slice(1) })),
    hintOfKey,
    path,
  );
}

/** The JSON Schema (draft 7, which every editor's YAML support reads) of what may be written. */
export function toJsonSchema(): JsonSchema {
  return toRouteFileSchema(z.toJSONSchema(file, { io: "input", target: "draft-7" }) as JsonSchema);
}

/** PEM texts, already read from their files. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** One upstream, ready for use. */
export interface UpstreamConfig extends Readonly<Omit<WrittenUpstream, "tls">> {
  readonly name: string;
  readonly tls: TlsConfig | undefined;
}

/** The name of a guard. */
export type HeadGuard = (typeof HEAD_GUARDS)[number];

/** Of one route: how many at one time, and how many a second. */
export interface HeadLimit {
  readonly concurrent?: number | undefined;
  readonly rate?: number | undefined;
}

/** How a HEAD is answered. */
export interface HeadConfig {
  readonly mode: keyof typeof HEAD_MODES;
  readonly fallbackOn: readonly number[];
  readonly remember: number;
  readonly guards: readonly HeadGuard[];
  readonly allow: "keep" | "repair";
  readonly contentLength: "keep" | "measure";
  readonly range: "strip" | "probe";
  readonly limit?: HeadLimit | undefined;
  /** Milliseconds; 0: off. */
  readonly share: number;
  readonly explain: boolean;
  readonly drain: { readonly bytes: number; readonly time: number };
}

/** How headgate answers OPTIONS. */
export interface OptionsConfig {
  /** The methods of Allow; undefined: those that every route has. */
  readonly allow: readonly string[] | undefined;
}

/** One route, with everything it inherits. */
export interface RouteConfig {
  readonly name: string;
  /** Lower case, without port and trailing dot; `*.` in front for every name below it. */
  readonly host: string | undefined;
  /** The pattern as it was written. */
  readonly path: string;
  readonly head: HeadConfig;
  /** Undefined: the upstream answers. */
  readonly options?: OptionsConfig | undefined;
  /** A name in `upstreams`. */
  readonly upstream: string;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  readonly strict: boolean;
}

/** The name of a field of a request's log line. */
export type LogField = (typeof LOG_FIELDS)[number];

/** What a loaded configuration means. Durations are milliseconds and sizes bytes. */
export interface Config {
  readonly listen: Address;
  readonly admin: Address | "off";
  /** Whether `admin` is a default and not what the operator wrote. Then a taken address is a warning only, and /reload is not served. */
  readonly isAdminDefault: boolean;
  /** By name; `default` is the top-level `upstream`. */
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly routes: readonly RouteConfig[];
  /** Where a request goes that no route matches: name "default", path "/*". */
  readonly defaultRoute: RouteConfig;
  readonly forwarded: "off" | { readonly trust: readonly string[] };
  readonly timeouts: Readonly<Written["timeouts"]>;
  readonly limits: Readonly<Written["limits"]>;
  readonly requestId: Written["requestId"];
  readonly log: Readonly<Written["log"]>;
  readonly shutdown: Readonly<Written["shutdown"]>;
}
