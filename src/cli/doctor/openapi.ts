/** Reads the GET endpoints of an OpenAPI 3.x or Swagger 2 document. It trusts nothing: any part may be missing or of another type. */

import { asList, asMapping } from "../../config/untyped.ts";
import { isHopByHop } from "../../http/fields.ts";
import { type Mapping, type Resolve, createResolve } from "./references.ts";

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly location: "path" | "query" | "header" | "cookie";
  readonly isRequired: boolean;
  /** What the parameter's style writes before a value in the path. */
  readonly prefix: string;
  /** Values that the document offers, best first: examples, defaults, members of an enum, a minimum. */
  readonly offers: readonly unknown[];
}

/** A path that has a GET. */
export interface Operation {
  /** Prefixed with the server's path or the basePath; parameters are in braces. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

/** The parts of a document that the doctor uses. */
export interface ApiDocument {
  /** `OpenAPI 3.1.0` or `Swagger 2.0`. */
  readonly version: string;
  readonly operations: readonly Operation[];
  /** The number of paths without a GET. */
  readonly withoutGet: number;
  /** The number of paths beyond the limit. */
  readonly unread: number;
}

/** The largest public documents have fewer. */
const MAX_PATHS = 20_000;
/** How deep values are searched for in nested schemas. */
const MAX_DEPTH = 8;
const MAX_PARAMETERS = 200;

const PLACES = new Set(["path", "query", "header", "cookie"]);
/** OpenAPI ignores parameters with these names, because it describes these fields elsewhere. */
const NO_PARAMETERS = new Set(["accept", "content-type", "authorization"]);
/** Fields that belong to the message, not to the operation: the doctor writes them itself. */
const OWN_FIELDS = new Set(["host", "content-length", "expect", "range"]);

/** Where the document's paths are served. */
export interface Site {
  /** Selects one of several servers. */
  readonly origin: string;
  /** The prefix of each path; undefined: the path of the server or the basePath. */
  readonly base: string | undefined;
}

/** Reads a parsed document; undefined if it is not an API document. Never throws. */
export function readApiDocument(
  document: unknown,
  { origin, base: given }: Site,
): ApiDocument | undefined {
  const root = asMapping(document);
  const { openapi, swagger, paths } = root;
  const isSwagger = swagger !== undefined;
  const written = toText(isSwagger ? swagger : openapi);
  if (!(isSwagger ? /^2(\.|$)/ : /^3(\.|$)/).test(written) || paths === undefined) return undefined;
  const resolve = createResolve(root);
  const all = Object.entries(asMapping(paths)).filter(([path]) => path.startsWith("/"));
  const items = all.slice(0, MAX_PATHS).map(([path, item]) => ({ path, item: resolve(item) }));
  const withGet = items.filter(({ item }) => isMapping(item["get"]));
  return {
    version: `${isSwagger ? "Swagger" : "OpenAPI"} ${written.slice(0, 16)}`,
    withoutGet: items.length - withGet.length,
    unread: all.length - items.length,
    operations: withGet.map(({ path, item }) => {
      const get = resolve(item["get"]);
      const base = given ?? toBase(isSwagger, [get, item, root], origin);
      return { path: base + path, parameters: toParameters([item, get], resolve) };
    }),
  };
}

/** A scalar as text; any other value becomes the empty text. */
function toText(value: unknown): string {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}

function isMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** An operation's servers override the path's servers, which override the document's, the last level. */
function toBase(isSwagger: boolean, levels: readonly Mapping[], origin: string): string {
  if (isSwagger) return toPath(levels.at(-1)?.["basePath"], origin);
  const servers = levels.map(({ servers: list }) => asList(list)).find(({ length }) => length > 0);
  const urls = (servers ?? []).map(toServerUrl);
  return toPath(urls.find((url) => isOf(url, origin)) ?? urls[0], origin);
}

function toServerUrl(server: unknown): string {
  const { url, variables } = asMapping(server);
  const values = asMapping(variables);
  return toText(url).replace(/\{([^{}]*)\}/g, (_braces, name: string) => {
    const { default: value } = asMapping(Object.hasOwn(values, name) ? values[name] : undefined);
    return toText(value);
  });
}

function isOf(url: string, origin: string): boolean {
  try {
    return new URL(url).origin === origin;
  } catch {
    return false;
  }
}

/** The path of a server's URL, without a trailing slash. The URL's host is ignored: requests go to the backend only. */
function toPath(url: unknown, origin: string): string {
  if (typeof url !== "string") return "";
  try {
    const base = URL.canParse(origin) ? origin : "http://localhost";
    // Cut and not parsed: scheme and host may be variables without a value.
    const path = url.replace(/^(?:[^/?#]*:)?\/\/[^/?#]*/, "").replace(/^\/+/, "/");
    return new URL(path, base).pathname.replace(/\/+$/, "");
  } catch {
    return "";
  }
}

/** The parameters of an operation override those of its path. */
function toParameters(levels: readonly Mapping[], resolve: Resolve): readonly Parameter[] {
  const found = new Map<string, Parameter>();
  for (const { parameters } of levels) {
    for (const written of asList(parameters).slice(0, MAX_PARAMETERS)) {
      const parameter = toParameter(resolve(written), resolve);
      if (parameter !== undefined) found.set(`${parameter.location} ${parameter.name}`, parameter);
    }
  }
  return [...found.values()];
}

function toParameter(written: Mapping, resolve: Resolve): Parameter | undefined {
  const { name, in: place, required, style } = written;
  if (typeof name !== "string" || !PLACES.has(toText(place))) return undefined;
  if (place === "header" && isOwnField(name)) return undefined;
  const { content } = written;
  const media = asMapping(Object.values(asMapping(content))[0]);
  return {
    name,
    location: place as Parameter["location"],
    isRequired: required === true || place === "path",
    prefix: style === "label" ? "." : style === "matrix" ? `;${name}=` : "",
    offers: [written, media].flatMap((node) => toOffers(node, resolve)),
  };
}

function isOwnField(name: string): boolean {
  const lower = name.toLowerCase();
  return NO_PARAMETERS.has(lower) || OWN_FIELDS.has(lower) || isHopByHop(lower);
}

/** The offered values: Swagger 2 writes them beside the name, OpenAPI 3 in a schema. */
function toOffers(node: Mapping, resolve: Resolve): readonly unknown[] {
  const inSchema = toSchemaOffers(node["schema"], resolve, 0);
  return [...toExamples(node, resolve), ...inSchema, ...toOwnOffers(node)];
}

function toExamples(node: Mapping, resolve: Resolve): readonly unknown[] {
  const { example, examples, "x-example": vendor } = node;
  const values = Array.isArray(examples)
    ? examples
    : Object.values(asMapping(examples)).map((one) => resolve(one)["value"]);
  return [example, vendor, ...values.slice(0, 4)].filter((value) => value !== undefined);
}

function toSchemaOffers(schema: unknown, resolve: Resolve, depth: number): readonly unknown[] {
  if (depth > MAX_DEPTH || schema === undefined) return [];
  const node = resolve(schema);
  const inner = ["allOf", "anyOf", "oneOf"].flatMap((key) => asList(node[key]).slice(0, 4));
  return [
    ...toExamples(node, resolve),
    ...toOwnOffers(node),
    ...inner.flatMap((one) => toSchemaOffers(one, resolve, depth + 1)),
    ...toSchemaOffers(node["items"], resolve, depth + 1),
  ].slice(0, 16);
}

function toOwnOffers(node: Mapping): readonly unknown[] {
  const { default: fallback, const: only, minimum, exclusiveMinimum } = node;
  const offers = [fallback, only, asList(node["enum"])[0]];
  // `exclusiveMinimum` is a boolean in OpenAPI 3.0 and a number in 3.1.
  if (typeof exclusiveMinimum === "number") offers.push(exclusiveMinimum + 1);
  else if (typeof minimum === "number")
    offers.push(exclusiveMinimum === true ? minimum + 1 : minimum);
  return offers.filter((value) => value !== undefined && value !== null);
}
