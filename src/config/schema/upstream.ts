/** An upstream of the route file. */

import * as z from "zod";
import { URL_SYNTAX, parseUpstreamUrl } from "../address.ts";
import { guessUrl } from "../hints/guess-address.ts";
import {
  count,
  dependsOnText,
  duration,
  headerSize,
  mapping,
  oneOf,
  positiveDuration,
  scalar,
  text,
  yesOrNo,
} from "./scalars.ts";

/** An upstream's name. It holds no colon, so a name and a URL cannot be confused. */
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

/** How an upstream is reached over TLS. */
export const tls = mapping({
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

/** Whether a response with a liberty of old backends is refused. */
export const strict = () =>
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

/** An upstream as a mapping. */
export const upstreamMapping = mapping({
  url: url().meta({
    description:
      "http://host:port, https://host or unix:/path. No path: paths are forwarded unchanged.",
  }),
  ...upstreamSettings.shape,
}).meta({ ...dependsOnText("tls", "url", "^[Hh][Tt][Tt][Pp][Ss]:") });

/** An upstream as a URL or a mapping. */
export const upstreamOf = (settings: typeof upstreamMapping) =>
  z
    .union([url(), settings])
    .transform((written) =>
      "authority" in written ? { ...upstreamSettings.parse({}), url: written } : written,
    );

/** In a route: the name of an upstream, or a URL with the default settings. */
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
