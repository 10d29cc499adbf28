// Cache keys are texts made of fields: two requests that differ must not have the same key. Every small case is tried.

import assert from "node:assert/strict";
import test from "node:test";

import {
  type FullRequest,
  isEqual,
  readCacheKey,
  toVaryKey,
  toFullText,
} from "../../src/head/share/key.ts";

const PAIRS = ["a", "ab", "trusted"].flatMap((name) =>
  ["", "b", ":b", "b:b"].map((value) => [name, value]),
);
const ONE_FIELD: readonly string[][] = [[], ...PAIRS];
const TWO_FIELDS: readonly string[][] = [
  ...ONE_FIELD,
  ...PAIRS.flatMap((first) => PAIRS.map((second) => [...first, ...second])),
];
const NAMES = [[], ["a"], ["b"], ["ab"], ["trusted"], ["a", "b"], ["a", "ab"], ["a", "trusted"]];

/** Fails if two cases that differ have the same key. */
function createTexts() {
  const cases = new Map<string, string>();
  return (text: string, one: unknown): void => {
    const known = cases.get(text);
    assert.equal(JSON.stringify(one), known ?? JSON.stringify(one), JSON.stringify(text));
    cases.set(text, JSON.stringify(one));
  };
}

function valuesOf(wanted: string, fields: readonly string[]): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === wanted);
}

test("fields that differ in a Vary's names have different keys, and so have those of another Vary", () => {
  const check = createTexts();
  for (const names of NAMES)
    for (const fields of TWO_FIELDS)
      check(
        toVaryKey(names, fields),
        names.map((name) => [name, valuesOf(name, fields)]),
      );
});

test("a cache key with its variant equals no other key, nor that of a full request", () => {
  const check = createTexts();
  for (const trusted of [true, false])
    for (const own of ONE_FIELD) {
      const request = { endToEnd: own, framing: "none", upgrade: undefined } as const;
      const read = readCacheKey(request, { address: undefined, trusted });
      assert.ok("key" in read);
      for (const fields of TWO_FIELDS) {
        for (const names of NAMES) {
          const values = names.map((name) => [name, valuesOf(name, fields)]);
          check(read.key + toVaryKey(names, fields), [trusted, own, values]);
        }
        for (const address of [undefined, "a"])
          check(read.key + toFullText({ fields, address }), [trusted, own, fields, address ?? 0]);
      }
    }
});

test("requests are equal only if all their fields, in order, and their addresses are", () => {
  const whole: FullRequest[] = ONE_FIELD.flatMap((fields) =>
    [undefined, "a", "b"].map((address) => ({ fields, address })),
  );
  for (const [index, one] of whole.entries())
    for (const [at, other] of whole.entries()) assert.equal(isEqual(one, other), index === at);
  const fields = ["a", "1", "b", "2"];
  assert.ok(isEqual({ fields, address: "a" }, { fields: [...fields], address: "a" }));
  assert.ok(!isEqual({ fields, address: "a" }, { fields: ["b", "2", "a", "1"], address: "a" }));
});

// Symptom: behind Fastly, or a proxy that sends X-Client-IP, no two clients' HEADs were shared.
// Root cause: two of the fields that name a client's address were missing in the list. Fix: they are ignored like the others.
test("a field that only names the client's address does not keep two HEADs apart", () => {
  const peer = { address: undefined, trusted: true };
  const identify = (fields: readonly string[]) =>
    readCacheKey({ endToEnd: fields, framing: "none", upgrade: undefined }, peer);
  for (const name of [
    "X-Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
  ])
    assert.deepEqual(identify([name, "192.0.2.1"]), identify([]), name);
});
