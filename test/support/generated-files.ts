/** Generates route files from the JSON Schema: each key with valid and invalid values, with variables, and with values of other types. */

import { Document } from "yaml";

import type { JsonSchema } from "../../src/config/schema/json-schema.ts";
import { FREE_TEXTS, TEXTS, type Values } from "./route-values.ts";

/** A route file that tests one value. */
export interface Generated {
  readonly name: string;
  readonly text: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether `check` must accept the file; undefined if the tables do not define it. */
  readonly isGood: boolean | undefined;
}

type Path = readonly (string | number)[];
type Known = Partial<Pick<Generated, "env" | "isGood">>;

/** YAML that is never a valid scalar. */
const NO_SCALARS = ["", "null", "[]", "[x]", "{}", "{ a: b }", '"${"', '"${1}"', '"${A-x}"'];
const NO_COLLECTIONS = ["", "null", "1", "true", "text", "${TEXT}", '"${TEXT}"'];
const NO_TEXTS = ["1", "true", "1.5", ".inf"];
const NO_NUMBERS = ["text", '"1"', "1.5"];

/** Combines every key of the schema with every value of the tables. */
export function generateFiles(schema: JsonSchema, path: Path = []): readonly Generated[] {
  const { type, items = {} } = schema;
  const anyOf = (schema.anyOf ?? []).flatMap(toAlternatives);
  const mapping = anyOf.find((one) => one.type === "object");
  if (mapping !== undefined)
    return [
      ...anyOf.flatMap((one) => (one === mapping ? [] : generateFiles(one, path))),
      ...generateKeys(mapping, path),
    ];
  if (type === "array")
    return [
      // An address, because one listener may stand for a list of one.
      ...tryAll(path, ["[]", "{}", ...NO_COLLECTIONS], { env: { TEXT: ":1" } }),
      ...generateFiles(items, [...path, 0]),
    ];
  if (type !== "object") return generateScalars(path, schema);
  if (path.length === 0) return generateKeys(schema, path);
  return [
    ...tryAll(path, ["{}", "[]", ...NO_COLLECTIONS], { env: { TEXT: "a" } }),
    ...generateKeys(schema, path),
  ];
}

/** An alternative that offers a mapping among others, as that of one listener does, stands for these. */
function toAlternatives(schema: JsonSchema): readonly JsonSchema[] {
  const hasMapping = schema.anyOf?.some(({ type }) => type === "object") === true;
  return hasMapping ? (schema.anyOf ?? []) : [schema];
}

function generateKeys(
  { properties = {}, additionalProperties }: JsonSchema,
  path: Path,
): readonly Generated[] {
  const visit = (key: string, one: JsonSchema) => generateFiles(one, [...path, key]);
  return [
    ...(additionalProperties === false
      ? tryAll([...path, "unknown"], ["1"], { isGood: false })
      : []),
    ...Object.entries(properties).flatMap(([key, one]) => visit(key, one)),
    ...(typeof additionalProperties === "object"
      ? [...generateNames(path), ...visit("named", additionalProperties)]
      : []),
  ];
}

function generateNames(path: Path): readonly Generated[] {
  const [good, bad] = [
    ["_", "A.b-c", "constructor"],
    ["-a", "a b", "é", "", "default", "__proto__"],
  ];
  return [
    ...good.flatMap((name) => tryAll([...path, name], ["http://a"], { isGood: true })),
    ...bad.flatMap((name) => tryAll([...path, name], ["http://a"], { isGood: false })),
  ];
}

function generateScalars(path: Path, schema: JsonSchema): readonly Generated[] {
  const { good, bad } = valuesOf(path, schema);
  const first = String(good[0]);
  const isText = typeof good[0] === "string";
  // An unquoted variable that contains only digits is a number.
  const write = (text: string) => (isText && /^[0-9.]+$/.test(first) ? JSON.stringify(text) : text);
  const variables: readonly (readonly [string, Generated["env"]])[] = [
    [write("${V}"), { V: first }],
    [write("${V:-x}"), { V: first }],
    [write("${V:?say so}"), { V: first }],
    [write(`\${UNSET:-${first}}`), {}],
    [write("${A}${B}"), { A: first.slice(0, 1), B: first.slice(1) }],
    [write("${A}${B:-}"), { A: first }],
  ];
  return [
    ...tryAll(path, good.map(toJson), { isGood: true }),
    ...tryAll(path, bad.map(toJson), { isGood: false }),
    ...tryAll(path, [...NO_SCALARS, ...(isText ? NO_TEXTS : NO_NUMBERS)]),
    ...variables.flatMap(([value, env]) => tryAll(path, [value], { env, isGood: true })),
    ...(isText ? tryAll(path, ['"${V}"'], { env: { V: first }, isGood: true }) : []),
  ];
}

function valuesOf(path: Path, schema: JsonSchema): Values {
  const [own = {}] = schema.anyOf ?? [];
  const { enum: names, type, minimum = 0, maximum = 0 } = own;
  if (names !== undefined) {
    const bad = ["", `${names[0]}x`, `${names[0]}`.toUpperCase()];
    return { good: names, bad: bad.filter((one) => !names.includes(one)) };
  }
  if (type === "integer")
    return { good: [minimum, maximum], bad: [minimum - 1, maximum + 1, 1e30] };
  if (type === "boolean") return { good: [true, false], bad: ["true", "yes"] };
  const values =
    TEXTS[own.$ref?.replace("#/definitions/", "") ?? ""] ?? FREE_TEXTS[String(path.at(-1))];
  if (values === undefined) throw new Error(`there are no values for ${path.join(".")}`);
  return values;
}

function toJson(value: unknown): string {
  return JSON.stringify(value);
}

const HERE = "VALUE_GOES_HERE";

/** Generates a file for each value, written as YAML, at the path. */
function tryAll(
  path: Path,
  values: readonly string[],
  { env = {}, isGood }: Known = {},
): readonly Generated[] {
  const document = new Document({
    upstream: "http://127.0.0.1:8000",
    upstreams: { named: { url: "http://named" } },
  });
  // `document` replaces a missing node by a mapping, but not a text.
  if (path[0] === "upstream") document.delete("upstream");
  for (const [place, value] of neededBy(path)) document.setIn(place, value);
  document.setIn(path, HERE);
  const text = document.toString({ lineWidth: 0 });
  return values.map((value) => ({
    name: `${path.join(".")}: ${value}`,
    text: text.replace(HERE, () => value),
    env,
    isGood,
  }));
}

/** The other keys that a key requires. */
function neededBy(path: Path): readonly (readonly [Path, unknown])[] {
  const [first, second] = path;
  const [key, parent] = [path.at(-1), path.slice(0, -1)];
  if (first === "routes" && path.length > 2) return [[["routes", second ?? 0, "path"], "/p"]];
  if (key === "mode" && first === "admin") return [[[...parent, "address"], "unix:/a"]];
  if (first === "listen") return neededByListener(path);
  const upstream =
    first === "upstream" ? ["upstream"] : first === "upstreams" ? [first, second ?? ""] : [];
  if (upstream.length === 0 || path.length === upstream.length) return [];
  const pair: readonly (readonly [Path, unknown])[] = [
    ...(key === "cert" ? [[[...parent, "key"], "key.pem"] as const] : []),
    ...(key === "key" ? [[[...parent, "cert"], "cert.pem"] as const] : []),
  ];
  const url = path.includes("tls") ? "https://app" : "http://app";
  return [[[...upstream, "url"], url], ...pair];
}

function neededByListener(path: Path): readonly (readonly [Path, unknown])[] {
  const listener = path.slice(0, path[1] === 0 ? 2 : 1);
  const [setting, ...below] = path.slice(listener.length);
  if (setting === undefined || setting === "address") return [];
  const address: readonly [Path, unknown] = [
    [...listener, "address"],
    setting === "mode" ? "unix:/a" : ":8443",
  ];
  if (setting !== "tls" || below.length === 0) return [address];
  const tls = [...listener, "tls"];
  const needsAuthority = below[0] === "clientAuth" || below[0] === "forwardClientCert";
  return [
    address,
    ...toPair(tls),
    ...(needsAuthority ? [[[...tls, "clientCA"], "cert.pem"] as const] : []),
    ...(below.length === 3 ? toPair(path.slice(0, -1)) : []),
  ];
}

function toPair(place: Path): readonly (readonly [Path, unknown])[] {
  return [
    [[...place, "cert"], "cert.pem"],
    [[...place, "key"], "key.pem"],
  ];
}
