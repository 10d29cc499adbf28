import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { isHost, parseTarget } from "../../src/http/target.ts";
import { fc } from "../support/property.ts";

const METHODS = fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "CONNECT", "QUERY");
// What Node's parser accepts, and more: visible ASCII in which special characters are likely.
const VISIBLE = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."/?#%@:\\*[]., ;&="),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 30,
});
const AUTHORITY = fc.constantFrom("h", "H:8080", "[::1]:1", "a.b-c", "127.0.0.1");
const SCHEME = fc.constantFrom("http://", "https://", "HTTP://", "hTTpS://");
const WITHOUT_FRAGMENT = VISIBLE.map((text) => text.replaceAll("#", ""));

test("a target that begins with a slash is sent upstream byte for byte or not at all", () => {
  fc.assert(
    fc.property(METHODS, VISIBLE, (method, rest) => {
      const target = `/${rest}`;
      if (target.includes("#")) assert.throws(() => parseTarget(method, target), ProxyError);
      else assert.deepEqual(parseTarget(method, target), { path: target, authority: undefined });
    }),
  );
});

test("the absolute-form keeps path and query unchanged", () => {
  fc.assert(
    fc.property(
      METHODS,
      SCHEME,
      AUTHORITY,
      fc.tuple(fc.constantFrom("/", "?"), WITHOUT_FRAGMENT),
      (method, scheme, authority, [first, rest]) => {
        const written = `${first}${rest}`;
        const path = first === "/" ? written : `/${written}`;
        assert.deepEqual(parseTarget(method, `${scheme}${authority}${written}`), {
          path,
          authority,
        });
      },
    ),
  );
});

test("any target is refused with 400, or requests a path of this server", () => {
  fc.assert(
    fc.property(
      METHODS,
      fc.oneof(
        VISIBLE,
        fc.tuple(SCHEME, VISIBLE).map(([scheme, rest]) => scheme + rest),
      ),
      (method, raw) => {
        try {
          const { path, authority } = parseTarget(method, raw);
          assert.ok(path.startsWith("/") || (path === "*" && method === "OPTIONS"));
          assert.ok(!path.includes("#"));
          assert.ok(authority === undefined || isHost(authority));
          assert.ok(path === "/" || path === "*" || raw.endsWith(path.slice(1)));
        } catch (error) {
          if (!(error instanceof ProxyError)) throw error;
          assert.equal(error.status, 400);
        }
      },
    ),
  );
});

test("a host has no part that another reader may read differently", () => {
  fc.assert(
    fc.property(VISIBLE, (value) => {
      if (isHost(value)) assert.doesNotMatch(value, /[\s,@/\\?#]|^:|^$/);
    }),
  );
});
