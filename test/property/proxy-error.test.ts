import assert from "node:assert/strict";
import test from "node:test";
import { ProxyError, toProxyError } from "../../src/http/errors.ts";
import { fc } from "../support/property.ts";

/** Values that defend themselves against being looked at. */
const hostile = fc.constantFrom<() => unknown>(
  () => Object.defineProperty({}, "code", { get: () => assert.fail("looked at") }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => new Proxy({}, { getPrototypeOf: () => assert.fail("looked at") }),
  () => Object.create(null),
);

test("whatever is thrown becomes a ProxyError with a status of 4xx or 5xx and a title", () => {
  const coded = fc.record({ code: fc.oneof(fc.string(), fc.anything()), syscall: fc.anything() });
  // Hostile values are made inside the property, for fast-check looks at what it generates.
  const thrown = fc.oneof(
    fc.oneof(fc.anything(), coded).map((value) => () => value),
    hostile,
  );
  fc.assert(
    fc.property(thrown, (make) => {
      const error = toProxyError(make());
      assert.ok(error instanceof ProxyError);
      assert.ok(error.status >= 400 && error.status <= 599);
      assert.notEqual(error.message, "");
    }),
  );
});
