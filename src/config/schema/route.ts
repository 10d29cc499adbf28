/** The schema of a route. */

import * as z from "zod";
import { guessHost } from "../hints/guess-address.ts";
import { guessPath } from "../hints/guess-path.ts";
import { UNPRINTABLE } from "../host-pattern.ts";
import {
  HOST_SYNTAX,
  METHOD_SYNTAX,
  PATH_SYNTAX,
  parseMethod,
  parseRouteHost,
  parseRoutePath,
} from "../route-syntax.ts";
import { RESERVED_NAMES } from "../routes.ts";
import type { TextSyntax } from "../text-syntax.ts";
import { routeHead } from "./head.ts";
import { mismatch } from "./issues.ts";
import { toKeywords } from "./json-schema.ts";
import { duration, list, mapping, oneOf, positiveDuration, scalar } from "./scalars.ts";
import { strict, upstreamReference } from "./upstream.ts";

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
  .meta({ description: "The methods in the Allow field." });
/** Whether headgate or the upstream responds to OPTIONS. */
export const options = () =>
  z
    .union([
      oneOf(["forward", "reply"], { yes: "reply", no: "forward" }),
      mapping({ allow: methods }),
    ])
    .transform((written): { readonly allow: readonly string[] | undefined } | "forward" =>
      written === "reply" ? { allow: undefined } : written,
    )
    .meta({
      description:
        "reply: headgate responds to OPTIONS with 204 and Allow: GET, HEAD, OPTIONS, for health checks of a backend that refuses OPTIONS; { allow: [GET, POST] } sets other methods. A CORS preflight is always forwarded. forward: the upstream responds.",
    });

const ROUTE_NAME_SYNTAX: TextSyntax = {
  name: "routeName",
  shape: `^[^${UNPRINTABLE}]{1,128}$`,
  never: `^(${RESERVED_NAMES.join("|")})$`,
};

/** A route as a mapping. */
export const route = mapping({
  name: z
    .string({ error: mismatch("a text") })
    .meta({ title: "text", examples: ["web api"], ...toKeywords(ROUTE_NAME_SYNTAX) })
    .refine((name) => /^\P{C}{1,128}$/u.test(name), "must be 1 to 128 printable characters")
    .optional()
    .meta({
      description:
        "The route's name in logs and metrics. It must be unique. host + path when left out.",
    }),
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
        "example.com, or *.example.com for every name below it. Case and port are ignored. Every host when left out.",
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
      "/exact; /users/{id}/avatar, where {id} stands for one segment; /prefix/* for /prefix and everything below it.",
  }),
  head: routeHead.optional().meta({
    description:
      "A mode, or a mapping. The route inherits the keys that it does not set from the top level.",
  }),
  options: options().optional(),
  upstream: upstreamReference
    .optional()
    .meta({ description: "A name in upstreams, or a URL; the top-level upstream when left out." }),
  responseTimeout: positiveDuration()
    .optional()
    .meta({ description: "Overrides the upstream's responseTimeout." }),
  idleTimeout: duration().optional().meta({ description: "Overrides the upstream's idleTimeout." }),
  strict: strict().optional(),
});
