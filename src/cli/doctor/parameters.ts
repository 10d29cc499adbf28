/** Fills the parameters of an operation: builds the target to send, and the text that may be printed. */

import { isSecretField } from "../../http/secrets.ts";
import type { Operation, Parameter } from "./openapi.ts";

/** An endpoint that can be tried. */
export interface Endpoint {
  /** The path as the document writes it, for a route file; without a query. */
  readonly pattern: string;
  /** The request-target: the path and the query. */
  readonly target: string;
  /** The target without secrets, for output. */
  readonly shown: string;
  /** Fields that its required parameters need: name, value, … */
  readonly fields: readonly string[];
}

/** An endpoint that cannot be tried or should not be tried. */
export interface NotTried {
  readonly shown: string;
  readonly reason: string;
}

/** Values by name from `--param`, and the lower-case field names from `--header`. */
export interface Given {
  readonly values: ReadonlyMap<string, string>;
  readonly headers: ReadonlySet<string>;
}

const HIDDEN = "<hidden>";
const MAX_VALUE_LENGTH = 1024;
/** A field value (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Fills the required parameters of an operation. */
export function fillParameters(operation: Operation, given: Given): Endpoint | NotTried {
  const { path, parameters } = operation;
  const values = new Map<string, string>();
  const named = new Map(
    parameters.filter(({ location }) => location === "path").map((one) => [one.name, one]),
  );
  for (const [, name = ""] of path.matchAll(/\{([^{}]*)\}/g)) {
    const value = findValue(name, named.get(name)?.offers ?? [], given);
    if (value === undefined) return { shown: path, reason: toMissing(name, "no value for") };
    values.set(name, value);
  }
  const rest = toRest(parameters, given);
  if ("reason" in rest) return { shown: path, reason: rest.reason };
  const { query, fields } = rest;
  const fill = (toShown: (name: string, value: string) => string) =>
    path
      .split(/(\{[^{}]*\})/)
      .map((part) => {
        const name = part.startsWith("{") ? part.slice(1, -1) : undefined;
        return name === undefined ? toTarget(part) : toShown(name, values.get(name) ?? "");
      })
      .join("");
  // A slash in a `--param` value separates segments, because FastAPI writes `{path:path}` as `{path}`.
  const toSegment = (name: string, value: string) => {
    const encoded = encodeURIComponent(value);
    const isGiven = given.values.has(name);
    return (named.get(name)?.prefix ?? "") + (isGiven ? encoded.replaceAll("%2F", "/") : encoded);
  };
  const toShownSegment = (name: string, value: string) =>
    isSecretField(name) ? HIDDEN : toSegment(name, value);
  return {
    pattern: path,
    target: fill(toSegment) + toQuery(query, (_name, value) => value),
    shown: fill(toShownSegment) + toQuery(query, hide),
    fields,
  };
}

/** A text in the form of a request-target: without a fragment, one character per byte. */
export function toTarget(text: string): string {
  const [withoutFragment = ""] = text.split("#", 1);
  return withoutFragment
    .replaceAll(/\p{Surrogate}/gu, "\ufffd")
    .replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

interface Rest {
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly fields: readonly string[];
}

/** The required parameters that are not in the path. */
function toRest(
  parameters: readonly Parameter[],
  given: Given,
): Rest | { readonly reason: string } {
  const query: (readonly [string, string])[] = [];
  const fields: string[] = [];
  const cookies: string[] = [];
  for (const { name, location, isRequired, offers } of parameters) {
    if (location === "path" || (!isRequired && !given.values.has(name))) continue;
    const field = location === "cookie" ? "cookie" : name.toLowerCase();
    if (location !== "query" && given.headers.has(field)) continue;
    const value = findValue(name, offers, given);
    if (value === undefined) return { reason: toMissing(name, `needs the ${toWord(location)}`) };
    if (location === "query") query.push([name, value]);
    else if (!TOKEN.test(name) || !FIELD_VALUE.test(value))
      return { reason: `the value of the ${toWord(location)} ${name} cannot be sent` };
    else if (location === "header") fields.push(name, value);
    else cookies.push(`${name}=${encodeURIComponent(value)}`);
  }
  if (cookies.length > 0) fields.push("Cookie", cookies.join("; "));
  return { query, fields };
}

function toWord(place: Parameter["location"]): string {
  return place === "query" ? "query parameter" : place;
}

function toMissing(name: string, what: string): string {
  return `${what} ${name}: --param ${/^[\w.-]+$/.test(name) ? name : `'${name}'`}=…`;
}

function findValue(
  name: string,
  offers: readonly unknown[],
  { values }: Given,
): string | undefined {
  const own = values.get(name);
  if (own !== undefined) return own;
  return offers.map(toText).find((text) => text !== undefined);
}

/** The text of a scalar, or of the first member of a list: one member is the same in each style. Refuses `.` and `..`, which would lead to another path. */
function toText(value: unknown): string | undefined {
  const text = toPlainText(Array.isArray(value) ? value[0] : value);
  const isUsable = text !== "" && !/^\.\.?$/.test(text) && text.length <= MAX_VALUE_LENGTH;
  return isUsable && !/\p{Surrogate}/u.test(text) ? text : undefined;
}

function toPlainText(value: unknown): string {
  // JSON rounds larger integers: the text would be another number.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return "";
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}

function toQuery(query: Rest["query"], toShown: (name: string, value: string) => string): string {
  if (query.length === 0) return "";
  const parts = query.map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(toShown(name, value))}`,
  );
  return `?${parts.join("&").replaceAll(encodeURIComponent(HIDDEN), HIDDEN)}`;
}

function hide(name: string, value: string): string {
  return isSecretField(name) ? HIDDEN : value;
}
