/** The fields of a HEAD's response beside those of its GET's (RFC 9110 §9.3.2). */

import { isHopByHop, toNominated } from "../../http/fields.ts";

/** One field that is not what the GET has. */
export interface FieldDifference {
  /** As the GET writes it, or else the HEAD. */
  readonly name: string;
  readonly kind: "missing" | "extra" | "different";
  /** The values of the GET and of the HEAD, one for each line. */
  readonly get: readonly string[];
  readonly head: readonly string[];
}

/** Fields with a value of their own in each response: only their presence is compared. */
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

/** Fields that a hop sets by itself, and framing, which has rules of its own. Proxy-Status is headgate's `explain`. */
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
 * Compares the fields of a HEAD with those of a GET before it and one after it. What differs between these two says nothing about the
 * HEAD. A clock or a counter that is the same in both was the same in between.
 */
export function compareFields(
  get: readonly string[],
  again: readonly string[] | undefined,
  head: readonly string[],
): readonly FieldDifference[] {
  const [before, after, seen] = [toLines(get), toLines(again ?? get), toLines(head)];
  const names = new Set([...before.keys(), ...seen.keys()]);
  return [...names].flatMap((name) => {
    // A field that only one of two GETs has comes and goes.
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

/** By lower-case name, without what belongs to the connection. */
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
