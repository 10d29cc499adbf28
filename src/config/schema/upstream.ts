/** The schema of an upstream. */

import * as z from "zod/mini";
import { URL_SYNTAX, parseUpstreamUrl } from "../address.ts";
import { guessUrl } from "../hints/guess-address.ts";
import {
  count,
  dependsOnText,
  described,
  duration,
  headerSize,
  mapping,
  oneOf,
  positiveDuration,
  scalar,
  text,
  yesOrNo,
} from "./scalars.ts";

/** The syntax of an upstream's name. It has no colon, so a name and a URL cannot be confused. */
export const UPSTREAM_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

const url = () =>
  scalar({
    title: "upstream URL",
    expected: "a URL such as http://127.0.0.1:8000",
    parse: parseUpstreamUrl,
    guess: guessUrl,
    syntax: URL_SYNTAX,
    examples: ["http://127.0.0.1:8000", "https://app", "unix:/run/app.sock"],
  });

/** The TLS settings of an upstream. */
export const tls = described(
  mapping({
    ca: described(z.optional(text("file", "the path of a PEM file", "ca.pem")), {
      description:
        "PEM file of the authorities to trust instead of the well-known ones. The path is relative to the route file.",
    }),
    cert: described(z.optional(text("file", "the path of a PEM file", "client.pem")), {
      description: "PEM file of headgate's client certificate (mutual TLS); needs key.",
    }),
    key: described(z.optional(text("file", "the path of a PEM file", "client-key.pem")), {
      description: "PEM file of the private key of cert.",
    }),
    serverName: described(z.optional(text("host", "a host name", "app.internal")), {
      description:
        "The name that headgate sends (SNI) and expects in the certificate; the URL's host when left out.",
    }),
    verify: described(z.prefault(yesOrNo(), true), {
      description:
        "Whether headgate verifies the upstream's certificate. With false, an attacker between headgate and the upstream can read and change everything.",
    }),
  }),
  {
    description: "For https:// upstreams.",
    dependencies: { cert: ["key"], key: ["cert"] },
  },
);

/** Whether headgate refuses a response that violates HTTP in the ways that old backends do. */
export const strict = () =>
  described(yesOrNo(), {
    description:
      "true: headgate refuses a response that violates HTTP, as some old backends do, and responds with 502. false: it accepts such a response if it has only one meaning, see forwarding.md.",
  });

const upstreamSettings = mapping({
  connectTimeout: described(z.prefault(positiveDuration(), "2s"), {
    description: "How long connecting may take, including name lookup and TLS; then 504.",
  }),
  responseTimeout: described(z.prefault(positiveDuration(), "60s"), {
    description: "From the request to the end of the response's header section; then 504.",
  }),
  idleTimeout: described(z.prefault(duration(), "5m"), {
    description:
      "The time between two pieces of content. In an upload, 408 or 504 follows; a response is aborted. 0s = no limit.",
  }),
  keepAlive: described(z.prefault(duration(), "4s"), {
    description:
      "How long an idle connection is kept. Set it below the upstream's own limit (uvicorn: 5s). 0s = a new connection for each request.",
  }),
  maxAge: described(z.prefault(duration(), "5m"), {
    description:
      "A connection older than this is not used for another request, so that headgate follows DNS changes under steady load. It never interrupts an exchange. 0s = no limit.",
  }),
  maxConnections: described(z.prefault(count(1, 65_535), 256), {
    description:
      "Connections at one time, including tunnels (WebSockets); further requests wait (limits.waiting).",
  }),
  headerBytes: described(z.prefault(headerSize(), "64KiB"), {
    description:
      "Maximum size of a response's header section, including status line and empty line; then 502. A connection may use this much memory while a header section arrives in pieces.",
  }),
  strict: z.prefault(strict(), false),
  host: described(
    z.prefault(oneOf(["preserve", "upstream"], { yes: "preserve", no: "upstream" }), "preserve"),
    {
      description:
        "The Host field that the upstream receives. preserve: the client's. upstream: host and port of the upstream's URL.",
    },
  ),
  tls: z.optional(tls),
});

/** An upstream as a mapping. */
export const upstreamMapping = described(
  mapping({
    url: described(url(), {
      description:
        "http://host:port, https://host or unix:/path. No path: paths are forwarded unchanged.",
    }),
    ...upstreamSettings.shape,
  }),
  { ...dependsOnText("tls", "url", "^[Hh][Tt][Tt][Pp][Ss]:") },
);

/** An upstream as a URL or a mapping. */
export const upstreamOf = (settings: typeof upstreamMapping) =>
  z.pipe(
    z.union([url(), settings]),
    z.transform((written) =>
      "authority" in written ? { ...upstreamSettings.parse({}), url: written } : written,
    ),
  );

/** An upstream in a route: the name of an upstream, or a URL with the default settings. */
export const upstreamReference = scalar({
  title: "upstream name or URL",
  expected: "the name of an upstream or a URL",
  guess: guessUrl,
  parse: (written) =>
    UPSTREAM_NAME.test(written)
      ? { name: written }
      : {
          name: written,
          inline: { ...upstreamSettings.parse({}), url: parseUpstreamUrl(written) },
        },
  syntax: {
    name: "upstreamReference",
    shape: `${UPSTREAM_NAME.source}|${URL_SYNTAX.shape}`,
    exact: `${UPSTREAM_NAME.source}|${URL_SYNTAX.exact}`,
  },
  examples: ["api", "http://127.0.0.1:8000"],
});
