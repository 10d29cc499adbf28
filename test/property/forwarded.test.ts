import assert from "node:assert/strict";
import test from "node:test";

import { createTrust, withForwarded } from "../../src/http/forwarded.ts";
import { fc } from "../support/property.ts";

const NAMED = [
  "x-forwarded",
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
];
const PREFIX = "x-forwarded-";
const TOKEN = fc.string({
  unit: fc.constantFrom(..."abfortIPXpr019-_.~"),
  maxLength: 8,
});
/** Any letter case, and `_` for any `-`. */
const respelled = (names: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.mixedCase(names), fc.infiniteStream(fc.boolean()))
    .map(([name, isUnderscore]) =>
      name.replaceAll("-", () => (isUnderscore.next().value === true ? "_" : "-")),
    );
const CLAIM = respelled(
  fc.oneof(
    fc.constantFrom(...NAMED),
    fc
      .oneof(fc.constantFrom("for", "proto", "host", "port", "prefix", "user"), TOKEN)
      .map((rest) => `${PREFIX}${rest}`),
  ),
);
/** A forwarding field with one character inserted, removed or replaced. */
const NEARLY = fc
  .tuple(CLAIM, fc.nat(30), fc.nat(1), fc.constantFrom("", "-", "_", "a", "."))
  .map(([name, at, cut, put]) => name.slice(0, at) + put + name.slice(at + cut))
  .filter((name) => name !== "" && !isClaim([name, ""]));
const FORGED = fc
  .constantFrom("6.6.6.6", "forged", "", "6.6.6.6, 6.6.6.7")
  .map((value) => `${value}!`);
const OTHER = fc.tuple(
  fc.oneof(
    NEARLY,
    fc.constantFrom("Accept", "x_a", "Accept-Language", "If-Modified-Since", "Proxy-Thing"),
  ),
  fc.string(),
);
const SECTION = fc.array(fc.oneof(fc.tuple(CLAIM, FORGED), OTHER), { maxLength: 10 });
const ADDRESS = fc.oneof(fc.ipV4(), fc.ipV6());

function isClaim([name]: readonly [string, string]): boolean {
  const plain = name.toLowerCase().replaceAll("_", "-");
  return plain.startsWith(PREFIX) || NAMED.includes(plain);
}

test("no forwarding field of an untrusted peer survives, and no other field is lost", () => {
  fc.assert(
    fc.property(SECTION, ADDRESS, (lines, address) => {
      const others = lines.filter((line) => !isClaim(line)).flat();
      const expected = [
        ...others,
        "X-Forwarded-For",
        address,
        "X-Forwarded-Proto",
        "http",
        "X-Forwarded-Host",
        "h",
      ];
      assert.deepEqual(withForwarded(lines.flat(), { address, trusted: false }, "h"), expected);
    }),
  );
});

test("a trusted chain becomes one line that ends in the peer's address", () => {
  const chain = fc.array(
    fc.array(ADDRESS, { maxLength: 3 }).map((hops) => hops.join(", ")),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(chain, OTHER, ADDRESS, (values, other, address) => {
      const lines = [...values.flatMap((value) => ["X-Forwarded-For", value]), ...other];
      const kept = withForwarded(lines, { address, trusted: true }, undefined);
      assert.deepEqual(kept, [
        "X-Forwarded-For",
        [...values.filter((value) => value !== ""), address].join(", "),
        ...other,
        "X-Forwarded-Proto",
        "http",
      ]);
    }),
  );
});

test("every forwarding field of a trusted peer survives", () => {
  fc.assert(
    fc.property(SECTION, (lines) => {
      const kept = withForwarded(lines.flat(), { address: undefined, trusted: true }, "h");
      const text = kept.join("\n");
      for (const [, value] of lines) assert.ok(text.includes(value));
      assert.deepEqual(withForwarded(kept, { address: undefined, trusted: true }, "h"), kept);
    }),
  );
});

test("an address is trusted if and only if a range contains it", () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const toNumber = (parts: readonly number[]): number =>
    parts.reduce((sum, part) => sum * 256 + part, 0);
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 1, max: 32 }), (network, address, prefix) => {
      const size = 2 ** (32 - prefix);
      const isWithin =
        Math.floor(toNumber(network) / size) === Math.floor(toNumber(address) / size);
      const isTrusted = createTrust([`${network.join(".")}/${prefix}`]);
      assert.equal(isTrusted(address.join(".")), isWithin);
      assert.equal(isTrusted(network.join(".")), true);
    }),
  );
});
