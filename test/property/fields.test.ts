import assert from "node:assert/strict";
import test from "node:test";

import { toClientFields } from "../../src/http/rewrite.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { filterFields } from "../../src/http/fields.ts";
import { readResponseFields } from "../../src/http/response-fields.ts";
import { readRequestFields } from "../../src/http/request-fields.ts";
import { toRequestTrailers, toResponseTrailers } from "../../src/http/trailers.ts";
import { fc } from "../support/property.ts";

type Line = readonly [name: string, value: string];

const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
  "transfer-encoding",
];
const OF_THIS_HOP = new Set([...HOP_BY_HOP, "trailer", "expect", "host"]);
const NEVER_LOST = new Set(["content-length", "content-type", "content-encoding", "content-range"]);

// Among them are names as long as hop-by-hop names, and names of properties that every JavaScript object has.
const NAME = fc.oneof(
  fc.constantFrom(
    "accept",
    "cookie",
    "x-a",
    "x-b",
    "xe",
    "range",
    "expires",
    "upgrades",
    "keep-alives",
    "x-forwarded-for",
    "__proto__",
    "constructor",
    "tostring",
    "content-type",
    "content-encoding",
  ),
  fc
    .string({ unit: fc.constantFrom(..."abcxyz-_!#|~09"), minLength: 1, maxLength: 20 })
    .filter((name) => !OF_THIS_HOP.has(name)),
);
const VALUE = fc.string({ unit: fc.constantFrom(...'ab,;= \t"\xe9\xff'), maxLength: 12 });
const CASED = (name: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.mixedCase(name, { toggleCase: swapCase });
const END_TO_END: fc.Arbitrary<Line> = fc.tuple(CASED(NAME), VALUE);
const HOP: fc.Arbitrary<Line> = fc.tuple(
  CASED(fc.constantFrom("keep-alive", "proxy-connection", "te", "upgrade")),
  VALUE,
);
const CONNECTION: fc.Arbitrary<Line> = fc
  .array(
    fc.oneof(
      CASED(NAME),
      fc.constantFrom(
        "close",
        "keep-alive",
        "Upgrade",
        "",
        "Host",
        "content-length",
        "Transfer-Encoding",
      ),
    ),
    { maxLength: 4 },
  )
  .map((tokens) => ["cOnnection", tokens.join(" ,\t")] as const);
const SECTION = fc.array(fc.oneof({ weight: 4, arbitrary: END_TO_END }, HOP, CONNECTION), {
  maxLength: 12,
});

function swapCase(text: string): string {
  const upper = text.toUpperCase();
  return upper === text ? text.toLowerCase() : upper;
}

/** The rule in its slow and obvious form. */
function toExpected(lines: readonly Line[]): string[] {
  const isConnection = ([name]: Line): boolean => name.toLowerCase() === "connection";
  const nominated = new Set(
    lines
      .filter(isConnection)
      .flatMap(([, value]) => value.split(",").map((token) => token.trim().toLowerCase())),
  );
  return lines
    .filter(([name]) => !HOP_BY_HOP.includes(name.toLowerCase()))
    .filter(([name]) => NEVER_LOST.has(name.toLowerCase()) || !nominated.has(name.toLowerCase()))
    .flat();
}

test("of a request, every field that is neither hop-by-hop nor nominated survives, in order, case and number, and no other", () => {
  fc.assert(
    fc.property(SECTION, (lines) => {
      assert.deepEqual(readRequestFields(lines.flat(), "1.1").endToEnd, toExpected(lines));
    }),
  );
});

test("of a response, every field that is neither hop-by-hop nor nominated survives, in order, case and number, and no other", () => {
  fc.assert(
    fc.property(SECTION, (lines) => {
      assert.deepEqual(readResponseFields(lines.flat()).endToEnd, toExpected(lines));
    }),
  );
});

test("filtering twice equals filtering once", () => {
  fc.assert(
    fc.property(SECTION, (lines) => {
      const once = readRequestFields(lines.flat(), "1.1").endToEnd;
      assert.deepEqual(readRequestFields(once, "1.1").endToEnd, once);
      const answered = readResponseFields(lines.flat()).endToEnd;
      assert.deepEqual(readResponseFields(answered).endToEnd, answered);
      const keep = (name: string): boolean => name.length % 2 === 0;
      assert.deepEqual(filterFields(filterFields(once, keep), keep), filterFields(once, keep));
    }),
  );
});

test("no nomination removes a request's host or framing", () => {
  const framing = fc.constantFrom<Line>(["content-LENGTH", "5"], ["Transfer-encoding", "Chunked"]);
  fc.assert(
    fc.property(SECTION, framing, fc.nat(12), (lines, framed, at) => {
      const nominating: Line = ["Connection", "host, content-length, TRANSFER-ENCODING"];
      const all = lines.toSpliced(at, 0, framed, ["Host", "h"], nominating);
      const read = readRequestFields(all.flat(), "1.1");
      assert.deepEqual(read.hosts, ["h"]);
      assert.equal(read.framing, framed[1] === "5" ? "length" : "chunked");
      assert.equal(read.endToEnd.includes("content-LENGTH"), framed[1] === "5");
    }),
  );
});

test("only chunked, alone and once, is accepted as a transfer coding", () => {
  const coding = fc.oneof(
    fc.constantFrom(
      "chunked",
      "Chunked",
      "gzip",
      "identity",
      "chunked,",
      "chunked, chunked",
      " chunked",
      "chunked;a=b",
      "",
    ),
    VALUE,
  );
  fc.assert(
    fc.property(fc.array(coding, { minLength: 1, maxLength: 3 }), SECTION, (codings, lines) => {
      const all = [...lines, ...codings.map((value): Line => ["Transfer-Encoding", value])].flat();
      const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === "chunked";
      if (isChunked) {
        assert.equal(readRequestFields(all, "1.1").framing, "chunked");
        assert.equal(readResponseFields(all).chunked, true);
      } else {
        assert.throws(
          () => readRequestFields(all, "1.1"),
          (error) => error instanceof ProxyError && (error.status === 501 || error.status === 400),
        );
        assert.throws(
          () => readResponseFields(all),
          (error) => error instanceof ProxyError && error.status === 502,
        );
      }
    }),
  );
});

test("two framings in one request are never accepted", () => {
  const framing = fc.constantFrom<Line>(
    ["Content-Length", "5"],
    ["content-length", "5"],
    ["Transfer-Encoding", "chunked"],
    ["CONTENT-LENGTH", "0"],
  );
  fc.assert(
    fc.property(
      SECTION,
      framing,
      framing,
      fc.tuple(fc.nat(12), fc.nat(12)),
      (lines, one, other, [first, second]) => {
        const all = lines.toSpliced(first, 0, one).toSpliced(second, 0, other);
        assert.throws(() => readRequestFields(all.flat(), "1.1"), ProxyError);
      },
    ),
  );
});

test("a client never gets two framings, nor a Trailer without chunks", () => {
  const framing = fc.constantFrom<readonly Line[]>(
    [],
    [["Content-Length", "5"]],
    [["Transfer-Encoding", "chunked"]],
  );
  const trailer = fc.constantFrom<readonly Line[]>([], [["TRAILER", "x"]]);
  const answer = fc.tuple(SECTION, framing, trailer).map((parts) => parts.flat());
  fc.assert(
    fc.property(
      answer,
      fc.constantFrom(103, 200, 204, 206, 304, 404),
      fc.constantFrom("1.0", "1.1"),
      (lines, status, version) => {
        const names = new Set(
          toClientFields(status, version, readResponseFields(lines.flat()))
            .filter((_, index) => index % 2 === 0)
            .map((name) => name.toLowerCase()),
        );
        const hasCoding = names.has("transfer-encoding");
        assert.ok(!(hasCoding && names.has("content-length")));
        assert.ok(hasCoding || !names.has("trailer"));
        assert.ok(
          !hasCoding || (version === "1.1" && status >= 200 && status !== 204 && status !== 304),
        );
        assert.ok(status !== 204 || !names.has("content-length"));
      },
    ),
  );
});

/** Some of the names above. */
const REQUEST_ONLY = new Set(["cookie", "range", "x-forwarded-for"]);
test("a client gets the Upgrade field of a 426 unchanged, and otherwise only protocols that it requested, h2 and h2c never", () => {
  const protocols = fc.array(fc.constantFrom("h2", "H2C", "WebSocket", "foo/2", "tcp", ""), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      protocols,
      fc.option(protocols),
      fc.constantFrom(103, 200, 204, 304, 400, 426),
      (offered, asked, status) => {
        const upgrade = offered.join(",");
        const fields = toClientFields(
          status,
          "1.1",
          readResponseFields(["uPgrade", upgrade]),
          asked === null ? undefined : { protocols: asked.join(" ,"), option: "upgrade" },
        );
        const told = fields[fields.indexOf("Upgrade") + 1]?.split(",") ?? [];
        const wanted = offered.filter(
          (one) => one !== "" && !/^h2c?$/i.test(one) && asked?.includes(one) === true,
        );
        const expected = status === 426 ? offered : status < 200 ? [] : wanted;
        if (expected.join("") === "" && status !== 426) assert.ok(!fields.includes("Upgrade"));
        else if (upgrade !== "") assert.deepEqual(told, expected);
      },
    ),
  );
});

test("no trailer frames or routes a message", () => {
  const forbidden = fc.constantFrom(...OF_THIS_HOP, ...NEVER_LOST);
  fc.assert(
    fc.property(fc.array(fc.tuple(CASED(fc.oneof(NAME, forbidden)), VALUE)), (lines) => {
      const expected = lines.filter(
        ([name]) => !OF_THIS_HOP.has(name.toLowerCase()) && !NEVER_LOST.has(name.toLowerCase()),
      );
      assert.deepEqual(toResponseTrailers(lines.flat(), ""), expected.flat());
      const sent = toRequestTrailers(lines.flat(), "");
      const isIn = (line: Line): boolean => !REQUEST_ONLY.has(line[0].toLowerCase());
      assert.deepEqual(sent, expected.filter(isIn).flat());
    }),
  );
});
