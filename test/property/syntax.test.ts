// Each parser of the route file and the syntax beside it, from which the JSON Schema is made.

import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import test from "node:test";

import {
  ADDRESS_OR_OFF_SYNTAX,
  ADDRESS_SYNTAX,
  MODE_SYNTAX,
  RANGE_SYNTAX,
  URL_SYNTAX,
  parseAddress,
  parseAddressOrOff,
  parseMode,
  parseRange,
  parseUpstreamUrl,
} from "../../src/config/address.ts";
import { IPV6 } from "../../src/config/host-pattern.ts";
import type { TextSyntax } from "../../src/config/text-syntax.ts";
import { wholeNumber } from "../../src/config/number-pattern.ts";
import {
  HOST_SYNTAX,
  METHOD_SYNTAX,
  PATH_SYNTAX,
  parseMethod,
  parseRouteHost,
  parseRoutePath,
} from "../../src/config/route-syntax.ts";
import {
  RATE_SYNTAX,
  durationSyntax,
  parseDuration,
  parseRate,
  parseSize,
  sizeSyntax,
} from "../../src/config/units.ts";
import { substitute } from "../../src/config/variables.ts";
import { fc } from "../support/property.ts";
import { TEXTS } from "../support/route-values.ts";
import { SCHEMA } from "../support/schema-validator.ts";

const PARSERS: readonly (readonly [syntax: TextSyntax, parse: (text: string) => unknown])[] = [
  [ADDRESS_SYNTAX, parseAddress],
  [ADDRESS_OR_OFF_SYNTAX, parseAddressOrOff],
  [URL_SYNTAX, parseUpstreamUrl],
  [RANGE_SYNTAX, parseRange],
  [MODE_SYNTAX, parseMode],
  [HOST_SYNTAX, parseRouteHost],
  [PATH_SYNTAX, parseRoutePath],
  [METHOD_SYNTAX, parseMethod],
  [RATE_SYNTAX, parseRate],
  [durationSyntax("duration"), parseDuration],
  [sizeSyntax("size"), parseSize],
];

function isOf({ shape, exact = shape, never, maxLength = Infinity }: TextSyntax, text: string) {
  const matches = (pattern: string) => new RegExp(pattern, "u").test(text);
  const isNever = never !== undefined && matches(never);
  return matches(shape) && matches(exact) && !isNever && text.length <= maxLength;
}

function isRead(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof RangeError, `${text} ${String(error)}`);
    return false;
  }
}

/** A few characters inserted, removed or replaced; in ASCII, because a parser knows more about other characters than a pattern. */
function almost(texts: readonly string[]) {
  const piece = fc.stringMatching(/^[-0-9.:/[\]_aAfxXhHmsKMGiBtpdunko%{}*?#@$ \\]{0,3}$/);
  return fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.nat(), fc.nat(3), piece), { maxLength: 3 }),
    )
    .map(([text, edits]) =>
      edits.reduce((edited, [at, length, inserted]) => {
        const start = at % (edited.length + 1);
        return edited.slice(0, start) + inserted + edited.slice(start + length);
      }, text),
    )
    .filter((text) => /^[\x20-\x7e]*$/.test(text));
}

for (const [syntax, parse] of PARSERS)
  test(`the parser of ${syntax.name} accepts what its syntax accepts`, () => {
    const { good = [], bad = [] } = TEXTS[syntax.name] ?? {};
    fc.assert(
      fc.property(almost([...good, ...bad].map(String)), (text) => {
        assert.equal(isOf(syntax, text), isRead(parse, text), JSON.stringify(text));
      }),
      { numRuns: 3_000 },
    );
  });

test("the schema and check agree that a text is plain, has variables, or is refused", () => {
  const [plain, variable] = ["plain", "variable"].map(
    (name) => new RegExp(SCHEMA.definitions?.[name]?.pattern ?? "", "u"),
  );
  // Every variable is set.
  const descriptor = { value: "value", configurable: true, enumerable: true };
  const env = new Proxy({}, { getOwnPropertyDescriptor: () => descriptor, get: () => "value" });
  const pieces = fc.constantFrom(
    "$",
    "$$",
    "{",
    "}",
    "${",
    "${A}",
    "A",
    "1",
    ":",
    ":-",
    ":?",
    "\n",
    "x",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      const isRefused = !isRead((given) => substitute(given, env), text);
      const expressions = [...text.matchAll(/\$\$|\$\{/g)].some(([one]) => one === "${");
      const expected = isRefused ? [false, false] : [!expressions, expressions];
      assert.deepEqual([plain?.test(text), variable?.test(text)], expected, JSON.stringify(text));
    }),
    { numRuns: 5_000 },
  );
});

test("a limit in a syntax is the limit of the number", () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const quantity = fc.tuple(
    fc.nat(200_000),
    fc.constantFrom("", "0", "00"),
    fc.constantFrom(...Object.keys(units)),
  );
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(100_000), quantity, (one, other, [number, zeros, unit]) => {
      const [min, max] = [Math.min(one, other), Math.max(one, other)];
      const text = `${zeros}${number}${unit}`;
      const milliseconds = parseDurationOrInfinity(text);
      const isWithin = milliseconds >= min && milliseconds <= max;
      // If the limit is no whole number of the unit, some values beyond it pass; no valid one is refused.
      const size = units[unit as keyof typeof units];
      const isExact = min % size === 0 && max % size === 0;
      const isTaken = isOf(durationSyntax("d", { min, max }), text);
      assert.ok(isExact ? isTaken === isWithin : isTaken || !isWithin, `${min} ${max} ${text}`);
    }),
  );
});

function parseDurationOrInfinity(text: string): number {
  return isRead(parseDuration, text) ? parseDuration(text) : Infinity;
}

test("a range of whole numbers has these numbers and no other", () => {
  const number = fc.oneof(fc.nat(300), fc.nat(70_000));
  fc.assert(
    fc.property(number, number, number, fc.boolean(), (one, other, value, isOpen) => {
      const [min, max] = [Math.min(one, other), isOpen ? Infinity : Math.max(one, other)];
      const isIn = new RegExp(`^${wholeNumber(min, max)}$`).test(String(value));
      assert.equal(isIn, value >= min && value <= max, `${value} of ${min} to ${max}`);
    }),
    { numRuns: 2_000 },
  );
});

test("the pattern of IPv6 matches what Node takes for an address", () => {
  const pattern = new RegExp(`^${IPV6}$`);
  const groups = fc.array(
    fc.constantFrom("", ":", "0", "1", "ffff", "12345", "1.2.3.4", "1.2.3", "g"),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(groups, (parts) => {
      const text = parts.join(":").replaceAll(":::", "::");
      assert.equal(pattern.test(text), isIPv6(text), text);
    }),
    { numRuns: 5_000 },
  );
  fc.assert(fc.property(fc.ipV6(), (text) => pattern.test(text)));
});
