/** Whether a response may be shared with other clients (RFC 9111 §3, for a shared cache). */

import { endOfToken } from "../../http/wire/grammar.ts";

/** How a response may be shared. */
export interface Cacheability {
  /** Milliseconds from the sending of its request until the response is stale; 0: it is an error, which the request may have caused. */
  readonly freshMs: number;
  /** The request fields that must be equal: lower-case names, sorted, without duplicates. */
  readonly vary: readonly string[];
  /** The age of the response when headgate received it. */
  readonly ageSeconds: number;
}

// RFC 9110 §15.1: the heuristically cacheable statuses, without 206, because a HEAD with Range is never shared.
const LASTING: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

// Statuses about the request and not about its target. They are not shared whatever their fields allow: the reason may be a request
// field that no backend names in Vary. RFC 6585 §3-§5 forbids caches to store 428, 429 and 431.
const OF_THE_REQUEST: ReadonlySet<number> = new Set([
  400, 406, 408, 412, 413, 415, 416, 417, 425, 426, 428, 429, 431,
]);

// `private` and `no-cache` may name fields, and then apply to these only. headgate treats them as unqualified, which is always safe.
// `no-cache` requires a validation before each reuse (RFC 9111 §5.2.2.4), which costs as many requests as no sharing.
const REFUSALS = ["no-store", "private", "no-cache"] as const;

// headgate writes these fields itself, so equal fields of two clients do not mean that the upstream saw equal requests.
const REWRITTEN: ReadonlySet<string> = new Set(["*", "x-forwarded-for", "x-request-id"]);

// Every request pays for each name. Real backends name fewer.
const MAX_VARY = 16;

// RFC 9111 §1.2.2: a larger value counts as this one, also if it has too many digits for a number.
const MAX_SECONDS = 2 ** 31;

// RFC 9110 §5.6.7. The obsolete formats are not accepted: one has no time zone and one no century. Date.parse alone reads "9999" as a year.
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const DIRECTIVE = /([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?/g;

/**
 * Reads how a response may be shared, from its status and end-to-end fields; undefined if it may not be shared.
 *
 * A 5xx counts as an error, like a failed connection, even if it has explicit freshness: a backend that fails on a request field does
 * not name that field in Vary. Other statuses that may be for one client only (302, 401, 403) are shared only if their fields allow it.
 */
export function readCacheability(
  status: number,
  endToEnd: readonly string[],
): Cacheability | undefined {
  if (OF_THE_REQUEST.has(status)) return undefined;
  const fields = collect(endToEnd);
  if (fields.has("set-cookie")) return undefined;
  const directives = readDirectives(fields.get("cache-control") ?? "");
  if (REFUSALS.some((refusal) => directives.has(refusal))) return undefined;
  const vary = readVary(fields.get("vary") ?? "");
  const ageSeconds = readAge(fields.get("age"));
  if (vary === undefined || ageSeconds === undefined) return undefined;
  if (status >= 500 && !LASTING.has(status)) return { freshMs: 0, vary, ageSeconds };

  const freshSeconds = readFreshness(directives, fields);
  if (freshSeconds === undefined)
    return LASTING.has(status) || directives.has("public")
      ? { freshMs: Infinity, vary, ageSeconds }
      : undefined;
  return freshSeconds > ageSeconds
    ? { freshMs: (freshSeconds - ageSeconds) * 1_000, vary, ageSeconds }
    : undefined;
}

type Directives = ReadonlyMap<string, string | undefined>;

const READ: ReadonlySet<string> = new Set(
  "age cache-control date expires set-cookie vary".split(" "),
);

function collect(endToEnd: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let index = 0; index < endToEnd.length; index += 2) {
    const name = endToEnd[index]?.toLowerCase() ?? "";
    const value = endToEnd[index + 1] ?? "";
    if (!READ.has(name)) continue;
    const before = found.get(name);
    found.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return found;
}

/** Reads Cache-Control. If a directive is repeated, the shorter time counts (RFC 9111 §4.2.1). */
function readDirectives(cacheControl: string): Directives {
  const directives = new Map<string, string | undefined>();
  for (const [, name = "", quoted, plain] of cacheControl.matchAll(DIRECTIVE)) {
    const lower = name.toLowerCase();
    const value = quoted ?? plain;
    const isShorter = (readSeconds(value) ?? 0) < (readSeconds(directives.get(lower)) ?? 0);
    if (!directives.has(lower) || isShorter) directives.set(lower, value);
  }
  return directives;
}

function readVary(vary: string): readonly string[] | undefined {
  const names = vary.split(",").map((name) => name.trim().toLowerCase());
  const named = [...new Set(names.filter((name) => name !== ""))].toSorted();
  return named.length > MAX_VARY || named.some((name) => !canVary(name)) ? undefined : named;
}

function canVary(name: string): boolean {
  return !REWRITTEN.has(name) && endOfToken(name, 0) === name.length;
}

/**
 * Returns the age in seconds; 0 without an Age field, undefined if a value is invalid.
 *
 * Of several values it takes the largest, although RFC 9111 §5.1 takes the first, and it does not ignore invalid values as the RFC does.
 * Both can only overestimate the age.
 */
function readAge(age: string | undefined): number | undefined {
  if (age === undefined) return 0;
  const all = age.split(",").map((value) => readSeconds(value.trim()) ?? Number.NaN);
  const oldest = Math.max(...all);
  return Number.isNaN(oldest) ? undefined : oldest;
}

/** Returns the freshness lifetime in seconds (RFC 9111 §4.2.1); 0 if its field is invalid, undefined without explicit freshness. */
function readFreshness(
  directives: Directives,
  fields: ReadonlyMap<string, string>,
): number | undefined {
  for (const name of ["s-maxage", "max-age"])
    if (directives.has(name)) return readSeconds(directives.get(name)) ?? 0;
  const expires = fields.get("expires");
  if (expires === undefined) return undefined;
  const seconds = (readDate(expires) - readDate(fields.get("date") ?? "")) / 1_000;
  return Number.isNaN(seconds) ? 0 : seconds;
}

function readDate(value: string): number {
  return IMF_DATE.test(value) ? Date.parse(value) : Number.NaN;
}

function readSeconds(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d+$/.test(value)) return undefined;
  return Math.min(Number(value), MAX_SECONDS);
}

/**
 * Whether a request may have changed its target: its method is unsafe (RFC 9110 §9.2.1) and its response is no error (RFC 9111 §4.4).
 * Refused requests do not count: otherwise a client that repeats them would switch sharing off for all clients.
 */
export function mayChange(method: string, status: number): boolean {
  return status < 400 && method !== "GET" && method !== "OPTIONS" && method !== "TRACE";
}
