/** What an answer says about being given to others than the one who asked (RFC 9111 §3, for a cache that many share). */

/** How it may be shared. */
export interface Terms {
  /** Until it is stale, in milliseconds from when it was asked for; 0: it is for those who wait for it already. */
  readonly freshMs: number;
  /** Request fields, in lower case, that have to be the same. */
  readonly vary: readonly string[];
  /** How old it was when it came. */
  readonly ageSeconds: number;
}

// RFC 9110 §15.1: statuses that stand for a while where nothing else is said, less 206, which nobody asked for.
const LASTING: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

// `private` and `no-cache` may name fields, and then mean only these; such fine print is not worth a wrong reading. no-cache asks
// for a validation before each further use (RFC 9111 §5.2.2.4), which would be as many requests as without sharing.
const REFUSALS = ["no-store", "private", "no-cache"] as const;

// headgate writes these itself, so that equal fields of two clients say nothing about what the upstream saw.
const REWRITTEN: ReadonlySet<string> = new Set(["*", "x-forwarded-for", "x-request-id"]);

// Each name costs every request that comes; nobody means more.
const MOST_VARY = 16;

const DIRECTIVE = /([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?/g;

/**
 * Reads the terms; undefined: each client asks for itself.
 *
 * A 5xx that says nothing of its freshness is for those who wait, as the error of a connection is: a herd must not run against a
 * backend that is down. Other statuses that may be one client's alone (302, 401, 403, 429) are not shared.
 */
export function readTerms(status: number, endToEnd: readonly string[]): Terms | undefined {
  const fields = collect(endToEnd);
  if (fields.has("set-cookie")) return undefined;
  const directives = readDirectives(fields.get("cache-control") ?? "");
  if (REFUSALS.some((refusal) => directives.has(refusal))) return undefined;
  const vary = readVary(fields.get("vary") ?? "");
  if (vary === undefined) return undefined;

  const ageSeconds = readSeconds(fields.get("age")) ?? 0;
  const freshSeconds = readFreshness(directives, fields);
  if (freshSeconds !== undefined && freshSeconds <= ageSeconds) return undefined;
  if (freshSeconds !== undefined)
    return { freshMs: (freshSeconds - ageSeconds) * 1_000, vary, ageSeconds };
  if (LASTING.has(status) || directives.has("public"))
    return { freshMs: Infinity, vary, ageSeconds };
  return status >= 500 ? { freshMs: 0, vary, ageSeconds } : undefined;
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
  const named = names.filter((name) => name !== "");
  return named.length > MOST_VARY || named.some((name) => REWRITTEN.has(name)) ? undefined : named;
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
  const seconds = (Date.parse(expires) - Date.parse(fields.get("date") ?? "")) / 1_000;
  return Number.isNaN(seconds) ? 0 : seconds;
}

function readSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
