/** Compares the fields of a HEAD's response with those of the GET's response (RFC 9110 §9.3.2). */

import { isHopByHop, toNominated } from "../../http/fields.ts";

/** One field in which the HEAD differs from the GET. */
export interface FieldDifference {
  /** In the spelling of the GET, or of the HEAD if the GET does not have it. */
  readonly name: string;
  readonly kind: "missing" | "extra" | "different";
  /** The values of the GET and of the HEAD, one per field line. */
  readonly get: readonly string[];
  readonly head: readonly string[];
}

/** Fields whose value may differ in each response: only their presence is compared. */
const NOISE: ReadonlySet<string> = new Set(
  ["expires", "set-cookie", "server-timing", "traceparent", "request-id", "x-request-id"]
    .concat(["x-correlation-id", "x-trace-id", "x-amzn-trace-id", "x-amz-request-id", "x-amz-id-2"])
    .concat(["x-b3-traceid", "cf-ray", "x-runtime", "x-response-time", "x-process-time", "x-timer"])
    .concat([
      "ratelimit-remaining",
      "ratelimit-reset",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
    ]),
);

/** Fields that each hop sets itself, and framing, which has rules of its own. Proxy-Status comes from headgate's `explain`. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  "date",
  "age",
  "via",
  "proxy-status",
  "trailer",
  "content-length",
]);

/** All field lines of one name. */
interface Line {
  readonly name: string;
  readonly values: readonly string[];
}

/**
 * Compares the fields of a HEAD with those of a GET before it and a GET after it. A field in which the two GETs differ is not
 * compared. A clock or a counter with the same value in both GETs had that value for the HEAD too.
 */
export function compareFields(
  get: readonly string[],
  again: readonly string[] | undefined,
  head: readonly string[],
): readonly FieldDifference[] {
  const [before, after, seen] = [toLines(get), toLines(again ?? get), toLines(head)];
  const names = new Set([...before.keys(), ...seen.keys()]);
  return [...names].flatMap((name) => {
    // A field that only one of the two GETs has is not stable.
    if (NOT_COMPARED.has(name) || before.has(name) !== after.has(name)) return [];
    const isNoise = NOISE.has(name) || !isSame(before.get(name), after.get(name));
    return compareField({ expected: before.get(name), seen: seen.get(name), isNoise });
  });
}

function compareField(of: {
  readonly expected: Line | undefined;
  readonly seen: Line | undefined;
  readonly isNoise: boolean;
}): readonly FieldDifference[] {
  const { expected, seen, isNoise } = of;
  const values = { get: expected?.values ?? [], head: seen?.values ?? [] };
  if (expected === undefined) return seen ? [{ name: seen.name, kind: "extra", ...values }] : [];
  const { name } = expected;
  if (seen === undefined) return [{ name, kind: "missing", ...values }];
  return isNoise || isSame(expected, seen) ? [] : [{ name, kind: "different", ...values }];
}

/** Groups field lines by lower-case name, without the fields of the connection. */
function toLines(fields: readonly string[]): ReadonlyMap<string, Line> {
  const lines = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (let index = 0; index < fields.length; index += 2) {
    const [name = "", value = ""] = fields.slice(index, index + 2);
    const line = lines.get(name.toLowerCase());
    if (line === undefined) lines.set(name.toLowerCase(), { name, values: [value] });
    else line.values.push(value);
  }
  const nominated = toNominated(lines.get("connection")?.values.join(",") ?? "");
  for (const name of lines.keys()) if (isHopByHop(name) || nominated.has(name)) lines.delete(name);
  return lines;
}

function isSame(a: Line | undefined, b: Line | undefined): boolean {
  const others = b?.values ?? [];
  return a?.values.length === others.length && a.values.every((value, at) => value === others[at]);
}
