/** A route of the route file. */

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
  .meta({ description: "The methods that Allow names." });
/** Who answers OPTIONS. */
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
        "reply: headgate answers OPTIONS with 204 and Allow: GET, HEAD, OPTIONS, for health checks of a backend that refuses OPTIONS; { allow: [GET, POST] } names other methods. A CORS preflight is always forwarded. forward: the upstream answers.",
    });

const ROUTE_NAME_SYNTAX: TextSyntax = {
  name: "routeName",
  shape: `^[^${UNPRINTABLE}]{1,128}$`,
  never: `^(${RESERVED_NAMES.join("|")})$`,
};

/** A route. */
export const route = mapping({
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
