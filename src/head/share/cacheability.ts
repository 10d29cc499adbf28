/** What an answer says about being given to others than the one who asked (RFC 9111 §3, for a cache that many share). */

import { endOfToken } from "../../http/wire/grammar.ts";

/** How it may be shared. */
export interface Cacheability {
  /** Until it is stale, in milliseconds from when it was asked for; 0: it is an error, which the request may have caused. */
  readonly freshMs: number;
  /** Request fields that have to be the same, in lower case, in order and each once. */
  readonly vary: readonly string[];
  /** How old it was when it came. */
  readonly ageSeconds: number;
}

// RFC 9110 §15.1: statuses that stand for a while where nothing else is said, less 206, which nobody asked for.
const LASTING: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

// What is said of the request and not of its target, whatever the answer says of itself: fields that nobody would name in Vary may be
// the reason, and another client's request is another one. RFC 6585 §3-§5 forbids caches to keep 428, 429 and 431.
const OF_THE_REQUEST: ReadonlySet<number> = new Set([
  400, 406, 408, 412, 413, 415, 416, 417, 425, 426, 428, 429, 431,
]);

// `private` and `no-cache` may name fields, and then mean only these; such fine print is not worth a wrong reading. no-cache asks
// for a validation before each further use (RFC 9111 §5.2.2.4), which would be as many requests as without sharing.
const REFUSALS = ["no-store", "private", "no-cache"] as const;

// headgate writes these itself, so that equal fields of two clients say nothing about what the upstream saw.
const REWRITTEN: ReadonlySet<string> = new Set(["*", "x-forwarded-for", "x-request-id"]);

// Each name costs every request that comes; nobody means more.
const MAX_VARY = 16;

// RFC 9111 §1.2.2: what is more than this is this, also where it has too many digits for a number.
const MAX_SECONDS = 2 ** 31;

// RFC 9110 §5.6.7. Of the obsolete formats one has no time zone and one no century, and Date.parse reads "9999" as a year.
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const DIRECTIVE = /([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?/g;

/**
 * Reads the terms; undefined: each client asks for itself.
 *
 * A 5xx is an error like that of a connection, also where it says for how long it is good: a backend that chokes on a field does
 * not know to name it in Vary. Other statuses that may be one client's alone (302, 401, 403) are shared only where they say so.
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

/** Of a directive that is there twice the shorter one is taken (RFC 9111 §4.2.1). */
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
 * The largest of all where there are several, though RFC 9111 §5.1 takes the first; undefined where one cannot be read, though
 * the RFC ignores that. Both readings can only make an answer older than it is, and never younger.
 */
function readAge(age: string | undefined): number | undefined {
  if (age === undefined) return 0;
  const all = age.split(",").map((value) => readSeconds(value.trim()) ?? Number.NaN);
  const oldest = Math.max(...all);
  return Number.isNaN(oldest) ? undefined : oldest;
}

/** RFC 9111 §4.2.1; what cannot be read is stale already. Undefined where nothing is said. */
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
 * Whether a request may have changed its target: an unsafe one (RFC 9110 §9.2.1) that was not answered by an error (RFC 9111 §4.4). Those
 * that were refused do not count: a client that repeats them would switch sharing off for all.
 */
export function mayChange(method: string, status: number): boolean {
  return status < 400 && method !== "GET" && method !== "OPTIONS" && method !== "TRACE";
}
