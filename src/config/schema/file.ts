/**
 * The schema of the route file, with all keys, defaults and descriptions. The JSON Schema and the reference in docs/ are generated from
 * it. Only this folder imports zod, and exports no type of zod.
 */

import * as z from "zod";
import { CLAIM_NAMES } from "../../http/forwarded.ts";
import { createPauses } from "../../runtime/turn.ts";
import { ADDRESS_OR_OFF_SYNTAX, RANGE_SYNTAX, parseAddressOrOff, parseRange } from "../address.ts";
import { guessBoolean } from "../hints/guess.ts";
import { createKeyHints } from "../hints/keys.ts";
import { asList, asMapping } from "../untyped.ts";
import { head, headMapping } from "./head.ts";
import { flattenIssues, mismatch } from "./issues.ts";
import type { KeyDiagnostic, KeyPath } from "./issues.ts";
import { toRouteFileSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import { listenAddress, listenerMapping, listenerTls, listeners } from "./listen-address.ts";
import { options, route } from "./route.ts";
import {
  count,
  duration,
  headerSize,
  hintOfOnlyKey,
  list,
  mapping,
  oneOf,
  positiveDuration,
  scalar,
  yesOrNo,
} from "./scalars.ts";
import { UPSTREAM_NAME, tls, upstreamMapping, upstreamOf } from "./upstream.ts";

/** Loopback, private and link-local ranges (RFC 1122, 1918, 3927, 4193, 4291): the peers of a sidecar are in its own network. */
const PRIVATE_RANGES =
  "127.0.0.0/8 ::1/128 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10".split(
    " ",
  );

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
      description: `Peers that may state who the client is. From any other peer headgate drops these fields, in any spelling with - or _: ${CLAIM_NAMES.join(", ")}.`,
    }),
});
const forwarded = z.union([oneOf(["off"], { no: "off", mapping: hintOfPeers }), forwardedMapping]);

/** The hint for peers in place of the mapping. */
function hintOfPeers(input: unknown): string {
  return hintOfOnlyKey(forwardedMapping.shape, typeof input === "string" ? [input] : input) ?? "";
}

const timeouts = mapping({
  header: positiveDuration()
    .prefault("10s")
    .meta({ description: "How long a client may take to send its header section; then 408." }),
  keepAlive: positiveDuration().prefault("75s").meta({
    description:
      "How long an idle client connection is kept. Set it above the limit of the load balancer in front (usually 60s).",
  }),
  idle: duration().prefault("5m").meta({
    description:
      "How long a client may read nothing of its response. The limit of an upload is the upstream's idleTimeout, that of a tunnel is tunnelIdle. 0s = no limit.",
  }),
  upgrade: positiveDuration().prefault("10s").meta({
    description:
      "How long the upstream may take to respond to an upgrade; then 504. An upgrade waits at most this long for a connection; then 503. For an upgrade request with content, both limits are its responseTimeout.",
  }),
  tunnelIdle: duration().prefault("1h").meta({
    description:
      "How long a tunnel (a WebSocket) may be idle: neither side sends or receives a byte. 0s = no limit.",
  }),
});

const limits = mapping({
  headerBytes: headerSize().prefault("32KiB").meta({
    description:
      "Maximum size of a request's header section, including request line and empty line; then 431.",
  }),
  headerCount: count(1, 10_000)
    .prefault(200)
    .meta({ description: "Maximum number of fields in a header section; then 431." }),
  waiting: count(0, 1_000_000).prefault(1024).meta({
    description:
      "Requests that wait for a connection to one upstream, each at most for its responseTimeout; then 503.",
  }),
  draining: count(0, 1_000_000).prefault(128).meta({
    description:
      "Bodies of converted HEADs that headgate drains at one time; beyond it the upstream connection is closed.",
  }),
  connections: count(0, 1_000_000).prefault(0).meta({
    description:
      "Client connections at one time; beyond it headgate responds to a request with 503. 0 = no limit.",
  }),
  tunnels: count(0, 1_000_000).prefault(0).meta({
    description:
      "Tunnels at one time to all upstreams, requested or open; then 503. 0 = only each upstream's maxConnections limits them.",
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
    .meta({ description: "Lines of this level and above are written." }),
  access: oneOf(["all", "errors", "off"], { yes: "all", no: "off" })
    .prefault("errors")
    .meta({ description: "Which requests get a log line." }),
  format: oneOf(["json", "pretty"], {
    words: { text: "pretty", console: "pretty", plain: "pretty" },
  })
    .optional()
    .meta({
      description: "pretty is for people; when left out: pretty on a terminal, json elsewhere.",
    }),
  query: yesOrNo().prefault(false).meta({
    description: "Whether url.query is logged. Queries may contain tokens and personal data.",
  }),
  fields: list(oneOf(LOG_FIELDS), "a list of log fields").optional().meta({
    description:
      "The fields of a request's log line, in addition to time, level and msg; all fields when left out.",
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
      "The time between the failing readiness probe and the closing of the listener, so that a load balancer notices.",
  }),
  grace: duration().prefault("25s").meta({
    description:
      "How long requests in flight may take to finish. Set it below Kubernetes' terminationGracePeriodSeconds (30s).",
  }),
});

/** Returns the hint for a mapping in place of the list of routes: dashes are missing. */
function hintOfRoutes(input: unknown): string {
  const [key] = Object.keys(asMapping(input));
  if (key === undefined) return "";
  return key.startsWith("-")
    ? ": a space is missing after the dash"
    : ': each route begins with a dash, as in "- path: /health"';
}

/** On loopback, so that paths, upstreams and counts are visible in the network only if the operator chooses so. */
const DEFAULT_ADMIN = "127.0.0.1:9090";

/** `default` is the name of the top-level upstream, and no mapping may have the key `__proto__`. */
const UPSTREAM_NAMES = { not: { enum: ["default", "__proto__"] } };

const file = mapping({
  listen: listeners().prefault("0.0.0.0:8080").meta({
    description:
      "Where clients connect: host:port, :port (every IPv4 address), [::]:port (in quotes), unix:/path or fd:3 (an inherited socket). A mapping adds TLS, HTTP/2 or the PROXY protocol; a list has several listeners.",
  }),
  admin: listenAddress({
    parse: parseAddressOrOff,
    syntax: ADDRESS_OR_OFF_SYNTAX,
    examples: [":9090", "unix:/run/headgate-admin.sock", "off"],
    preset: "0600",
  })
    .prefault(DEFAULT_ADMIN)
    .meta({
      description:
        "The address of /livez, /readyz, /metrics and the status page; or off. The image's default is 0.0.0.0:9090.",
    }),
  // `url` is not required here: a flag or an environment variable may give it.
  upstream: upstreamOf(upstreamMapping.meta({ required: [] }))
    .optional()
    .meta({
      description:
        "Where requests go unless a route names another upstream: a URL, or a mapping. Required, here or by --upstream or HEADGATE_UPSTREAM.",
    }),
  upstreams: z
    .record(z.string().regex(UPSTREAM_NAME).meta(UPSTREAM_NAMES), upstreamOf(upstreamMapping), {
      error: mismatch("a mapping from names to upstreams"),
    })
    .prefault({})
    .meta({ description: "Further upstreams by name, for routes." }),
  head: head
    .prefault({})
    .meta({ description: "The default for all routes: a mode, or a mapping." }),
  options: options().prefault("forward"),
  routes: z
    .array(route, { error: mismatch("a list of routes", hintOfRoutes) })
    .prefault([])
    .meta({
      description:
        "The most specific route wins, regardless of the order; a request that no route matches uses the top-level settings.",
    }),
  forwarded: forwarded.prefault({}).meta({
    description:
      "Which peers may state who the client is, in X-Forwarded-For and similar fields. off: all such fields are forwarded unchanged.",
  }),
  timeouts: timeouts
    .prefault({})
    .meta({ description: "Timeouts of client connections, upgrades and tunnels." }),
  limits: limits.prefault({}).meta({ description: "Limits on sizes and counts." }),
  requestId: oneOf(["log", "forward"], { yes: "forward", no: "log" }).prefault("log").meta({
    description:
      "forward: the upstream receives each request's id as X-Request-Id. log: it receives the client's X-Request-Id, if there is one.",
  }),
  log: log.prefault({}).meta({ description: "What headgate writes to standard output." }),
  shutdown: shutdown.prefault({}).meta({ description: "How headgate stops at SIGTERM." }),
}).meta({ title: "headgate route file" });

const hintOfKey = createKeyHints({
  listen: Object.keys(listenerMapping.shape),
  "listen.tls": Object.keys(listenerTls.shape),
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

/**
 * The route file's value, checked and with all defaults. Durations are in milliseconds, sizes in bytes. Upstream names and files are
 * not resolved yet.
 */
export type RawConfig = z.output<typeof file>;
/** An upstream of a RawConfig. */
export type RawUpstream = z.output<typeof upstreamMapping>;
/** A route of a RawConfig. */
export type RawRoute = z.output<typeof route>;

/** Checks a value. Returns the raw configuration, or a diagnostic for each mistake. Never throws. */
export function parseRawConfig(value: unknown): {
  readonly raw: RawConfig | undefined;
  readonly diagnostics: readonly KeyDiagnostic[];
} {
  const result = file.safeParse(value);
  return result.success
    ? { raw: result.data, diagnostics: [] }
    : { raw: undefined, diagnostics: flattenIssues(result.error.issues, hintOfKey) };
}

/** Like `parseRawConfig`, but one route or upstream at a time, so that a long file does not block the event loop. Never rejects. */
export async function parseInSteps(value: unknown): Promise<ReturnType<typeof parseRawConfig>> {
  const { routes, upstreams } = asMapping(value);
  const [allRoutes, allUpstreams] = [asList(routes), asMapping(upstreams)];
  const { raw, diagnostics: first } = parseRawConfig(
    routes === allRoutes || upstreams === allUpstreams
      ? {
          ...asMapping(value),
          ...(routes === allRoutes && { routes: [] }),
          ...(upstreams === allUpstreams && { upstreams: {} }),
        }
      : value,
  );
  const diagnostics = [...first];
  const parsed = { routes: [] as RawRoute[], upstreams: {} as RawConfig["upstreams"] };
  const pause = createPauses();
  await pause();
  for (const [index, one] of allRoutes.entries()) {
    const result = file.shape.routes.safeParse([one]);
    if (result.success) parsed.routes.push(...result.data);
    else diagnostics.push(...locateIssues(result.error.issues, ["routes", index]));
    await pause();
  }
  for (const [name, one] of Object.entries(allUpstreams)) {
    const result = file.shape.upstreams.safeParse({ [name]: one });
    if (result.success) Object.assign(parsed.upstreams, result.data);
    else diagnostics.push(...locateIssues(result.error.issues, ["upstreams", name]));
    await pause();
  }
  return {
    raw: raw === undefined || diagnostics.length > 0 ? undefined : { ...raw, ...parsed },
    diagnostics,
  };
}

/** Converts the issues of a collection with one entry into diagnostics of the entry at `path`. */
function locateIssues(
  issues: Parameters<typeof flattenIssues>[0],
  path: KeyPath,
): readonly KeyDiagnostic[] {
  return flattenIssues(
    issues.map((issue) => ({ ...issue, path: issue.path.slice(1) })),
    hintOfKey,
    path,
  );
}

/** Returns the JSON Schema of the route file. It is draft 7, which the YAML support of every editor understands. */
export function toJsonSchema(): JsonSchema {
  return toRouteFileSchema(z.toJSONSchema(file, { io: "input", target: "draft-7" }) as JsonSchema);
}
