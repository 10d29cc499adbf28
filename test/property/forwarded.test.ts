import assert from "node:assert/strict";
import test from "node:test";

import { createTrust, withForwarded } from "../../src/http/forwarded.ts";
import { fc } from "../support/property.ts";

const CLAIMS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
const CLAIM = fc
  .tuple(fc.mixedCase(fc.constantFrom(...CLAIMS)), fc.infiniteStream(fc.boolean()))
  .map(([name, isUnderscore]) =>
    name.replaceAll("-", () => (isUnderscore.next().value === true ? "_" : "-")),
  );
const FORGED = fc
  .constantFrom("6.6.6.6", "forged", "", "6.6.6.6, 6.6.6.7")
  .map((value) => `${value}!`);
const OTHER = fc.tuple(
  fc.constantFrom(
    "Accept",
    "X-Forwarded-Port",
    "x_a",
    "X-Real-IP",
    "Accept-Language",
    "If-Modified-Since",
    "Proxy-Thing",
  ),
  fc.string(),
);
const SECTION = fc.array(fc.oneof(fc.tuple(CLAIM, FORGED), OTHER), { maxLength: 10 });
const ADDRESS = fc.oneof(fc.ipV4(), fc.ipV6());

const toPlain = (name: string | undefined): string =>
  (name ?? "").toLowerCase().replaceAll("_", "-");
const isClaim = ([name]: readonly [string, string]): boolean => CLAIMS.includes(toPlain(name));

test("no claim of an untrusted peer survives, and nothing else is lost", () => {
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

test("a trusted chain is kept, in one line that ends in the peer's address", () => {
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

test("everything that a trusted peer said survives", () => {
  fc.assert(
    fc.property(SECTION, (lines) => {
      const kept = withForwarded(lines.flat(), { address: undefined, trusted: true }, "h");
      const text = kept.join("\n");
      for (const [, value] of lines) assert.ok(text.includes(value));
      assert.deepEqual(withForwarded(kept, { address: undefined, trusted: true }, "h"), kept);
    }),
  );
});

test("an address is trusted if and only if a range holds it", () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const toNumber = (parts: readonly number[]): number =>
    parts.reduce((sum, part) => sum * 256 + part, 0);
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 1, max: 32 }), (network, address, prefix) => {
      const size = 2 ** (32 - prefix);
      const isWithin =
        Math.floor(toNumber(network) / size) === Math.floor(toNumber(address) / size);
      const isTrusted = createTrust([`${network.join(".")}/${prefix}`], "tcp");
      assert.equal(isTrusted(address.join(".")), isWithin);
      assert.equal(isTrusted(network.join(".")), true);
      assert.equal(isTrusted(undefined), false);
    }),
  );
});
