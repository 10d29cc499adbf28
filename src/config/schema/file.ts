/**
 * The schema of the route file, with all keys, defaults and descriptions. The JSON Schema and the reference in docs/ are generated from
 * it. Only this folder imports zod, and exports no type of zod.
 */

import * as z from "zod/mini";
import { CLAIM_NAMES } from "../../http/forwarded.ts";
import { createPauses } from "../../runtime/turn.ts";
import { ADDRESS_OR_OFF_SYNTAX, RANGE_SYNTAX, parseAddressOrOff, parseRange } from "../address.ts";
import { createKeyHints } from "../hints/keys.ts";
import { asList, asMapping } from "../untyped.ts";
import { head, headMapping } from "./head.ts";
import { flattenIssues, mismatch } from "./issues.ts";
import type { KeyDiagnostic, KeyPath } from "./issues.ts";
import { toRouteFileSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import { listenAddress, listenerMapping, listenerTls, listeners } from "./listen-address.ts";
import { log } from "./log.ts";
import { options, route } from "./route.ts";
import {
  count,
  described,
  duration,
  headerSize,
  hintOfOnlyKey,
  list,
  mapping,
  oneOf,
  positiveDuration,
  scalar,
} from "./scalars.ts";
import { UPSTREAM_NAME, tls, upstreamMapping, upstreamOf } from "./upstream.ts";

/** Loopback, private and link-local ranges (RFC 1122, 1918, 3927, 4193, 4291): the peers of a sidecar are in its own network. */
const PRIVATE_RANGES =
  "127.0.0.0/8 ::1/128 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10".split(
    " ",
  );

const forwardedMapping = mapping({
  trust: described(
    z.prefault(
      list(
        scalar({
          title: "IP address or range",
          expected: "an IP address or range",
          parse: parseRange,
          syntax: RANGE_SYNTAX,
          examples: ["10.0.0.0/8", "::1"],
        }),
        "a list of addresses and ranges",
      ),
      PRIVATE_RANGES,
    ),
    {
      description: `Peers that may state who the client is. From any other peer headgate drops these fields, in any spelling with - or _: ${CLAIM_NAMES.join(", ")}.`,
    },
  ),
});
const forwarded = z.union([oneOf(["off"], { no: "off", mapping: hintOfPeers }), forwardedMapping]);

/** The hint for peers in place of the mapping. */
function hintOfPeers(input: unknown): string {
  return hintOfOnlyKey(forwardedMapping.shape, typeof input === "string" ? [input] : input) ?? "";
}

const timeouts = mapping({
  header: described(z.prefault(positiveDuration(), "10s"), {
    description: "How long a client may take to send its header section; then 408.",
  }),
  keepAlive: described(z.prefault(positiveDuration(), "75s"), {
    description:
      "How long an idle client connection is kept. Set it above the limit of the load balancer in front (usually 60s).",
  }),
  idle: described(z.prefault(duration(), "5m"), {
    description:
      "How long a client may read nothing of its response. The limit of an upload is the upstream's idleTimeout, that of a tunnel is tunnelIdle. 0s = no limit.",
  }),
  upgrade: described(z.prefault(positiveDuration(), "10s"), {
    description:
      "How long the upstream may take to respond to an upgrade; then 504. An upgrade waits at most this long for a connection; then 503. For an upgrade request with content, both limits are its responseTimeout.",
  }),
  tunnelIdle: described(z.prefault(duration(), "1h"), {
    description:
      "How long a tunnel (a WebSocket) may be idle: neither side sends or receives a byte. 0s = no limit.",
  }),
});

const limits = mapping({
  headerBytes: described(z.prefault(headerSize(), "32KiB"), {
    description:
      "Maximum size of a request's header section, including request line and empty line; then 431.",
  }),
  headerCount: described(z.prefault(count(1, 10_000), 200), {
    description: "Maximum number of fields in a header section; then 431.",
  }),
  waiting: described(z.prefault(count(0, 1_000_000), 1024), {
    description:
      "Requests that wait for a connection to one upstream, each at most for its responseTimeout; then 503.",
  }),
  draining: described(z.prefault(count(0, 1_000_000), 128), {
    description:
      "Bodies of converted HEADs that headgate drains at one time; beyond it the upstream connection is closed.",
  }),
  connections: described(z.prefault(count(0, 1_000_000), 0), {
    description:
      "Client connections at one time; beyond it headgate responds to a request with 503. 0 = no limit.",
  }),
  tunnels: described(z.prefault(count(0, 1_000_000), 0), {
    description:
      "Tunnels at one time to all upstreams, requested or open; then 503. 0 = only each upstream's maxConnections limits them.",
  }),
});

const shutdown = mapping({
  delay: described(z.prefault(duration(), "0s"), {
    description:
      "The time between the failing readiness probe and the closing of the listener, so that a load balancer notices.",
  }),
  grace: described(z.prefault(duration(), "25s"), {
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

const file = described(
  mapping({
    listen: described(z.prefault(listeners(), "0.0.0.0:8080"), {
      description:
        "Where clients connect: host:port, :port (every IPv4 address), [::]:port (in quotes), unix:/path or fd:3 (an inherited socket). A mapping adds TLS, HTTP/2 or the PROXY protocol; a list has several listeners.",
    }),
    admin: described(
      z.prefault(
        listenAddress({
          parse: parseAddressOrOff,
          syntax: ADDRESS_OR_OFF_SYNTAX,
          examples: [":9090", "unix:/run/headgate-admin.sock", "off"],
          preset: "0600",
        }),
        DEFAULT_ADMIN,
      ),
      {
        description:
          "The address of /livez, /readyz, /metrics and the status page; or off. The image's default is 0.0.0.0:9090.",
      },
    ),
    // `url` is not required here: a flag or an environment variable may give it.
    upstream: described(
      z.optional(upstreamOf(described(z.clone(upstreamMapping), { required: [] }))),
      {
        description:
          "Where requests go unless a route names another upstream: a URL, or a mapping. Required, here or by --upstream or HEADGATE_UPSTREAM.",
      },
    ),
    upstreams: described(
      z.prefault(
        z.record(
          described(z.string().check(z.regex(UPSTREAM_NAME)), UPSTREAM_NAMES),
          upstreamOf(upstreamMapping),
          {
            error: mismatch("a mapping from names to upstreams"),
          },
        ),
        {},
      ),
      { description: "Further upstreams by name, for routes." },
    ),
    head: described(z.prefault(head, {}), {
      description: "The default for all routes: a mode, or a mapping.",
    }),
    options: z.prefault(options(), "forward"),
    routes: described(
      z.prefault(z.array(route, { error: mismatch("a list of routes", hintOfRoutes) }), []),
      {
        description:
          "The most specific route wins, regardless of the order; a request that no route matches uses the top-level settings.",
      },
    ),
    forwarded: described(z.prefault(forwarded, {}), {
      description:
        "Which peers may state who the client is, in X-Forwarded-For and similar fields. off: all such fields are forwarded unchanged.",
    }),
    timeouts: described(z.prefault(timeouts, {}), {
      description: "Timeouts of client connections, upgrades and tunnels.",
    }),
    limits: described(z.prefault(limits, {}), { description: "Limits on sizes and counts." }),
    requestId: described(
      z.prefault(oneOf(["log", "forward"], { yes: "forward", no: "log" }), "log"),
      {
        description:
          "forward: the upstream receives each request's id as X-Request-Id. log: it receives the client's X-Request-Id, if there is one.",
      },
    ),
    log: described(z.prefault(log, {}), {
      description: "What headgate writes to standard output.",
    }),
    shutdown: described(z.prefault(shutdown, {}), {
      description: "How headgate stops at SIGTERM.",
    }),
  }),
  { title: "headgate route file" },
);

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
