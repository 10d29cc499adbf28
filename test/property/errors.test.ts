import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError, toProxyError } from "../../src/http/errors.ts";
import { findField } from "../../src/http/fields.ts";
import { toProblem } from "../../src/http/problem.ts";
import { fc } from "../support/property.ts";

const CODE = fc.oneof(
  fc.string(),
  fc.constantFrom("ECONNREFUSED", "ECONNRESET", "EPROTO", "__proto__", "toString"),
  fc
    .tuple(
      fc.constantFrom("HPE_", "ERR_TLS_", "ERR_SSL_", "CERT_", "EAI_", "HPE_", "ERR_HTTP_INVALID"),
      fc.string(),
    )
    .map((parts) => parts.join("")),
);

function throws(): never {
  throw new Error("trap");
}

/** An object whose every trap throws, except those in `harmless`. */
function toTrapped(harmless: readonly string[]): object {
  const traps = ["get", "has", "getPrototypeOf", "getOwnPropertyDescriptor", "ownKeys"].filter(
    (trap) => !harmless.includes(trap),
  );
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, throws])));
}

function toRevoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** In a box, because fast-check inspects the values that it makes, and some of these throw when inspected. */
interface Thrown {
  readonly thrown: unknown;
}

const THROWN: fc.Arbitrary<Thrown> = fc.oneof(
  fc
    .anything({
      withNullPrototype: true,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withTypedArray: true,
    })
    .map(toThrown),
  CODE.map((code) => toThrown(Object.assign(new Error("x"), { code }))),
  fc.record({ code: fc.anything(), syscall: fc.anything() }).map(toThrown),
  fc.string().map((text) => toThrown(Symbol(text))),
  fc.subarray(["get", "has", "getPrototypeOf"]).map((harmless) => toThrown(toTrapped(harmless))),
  fc.constant("revoked").map(() => toThrown(toRevoked())),
  fc.constant("getter").map(() => toThrown(Object.defineProperty({}, "code", { get: throws }))),
  fc.array(fc.anything(), { minLength: 1 }).map((codes) => {
    let reads = 0;
    return toThrown(
      Object.defineProperty({}, "code", {
        get: () => (reads++ === 0 ? "X" : codes[reads % codes.length]),
      }),
    );
  }),
);

function toThrown(thrown: unknown): Thrown {
  return { thrown };
}

test("any thrown value becomes an error with a status from 400 to 599 and a title", () => {
  fc.assert(
    fc.property(THROWN, ({ thrown }) => {
      const error = toProxyError(thrown);
      assert.ok(error instanceof ProxyError);
      assert.ok(Number.isInteger(error.status) && error.status >= 400 && error.status <= 599);
      assert.notEqual(error.message, "");
      assert.ok(Object.is(error.cause, thrown));
      assert.equal(toProxyError(error), error);
    }),
  );
});

test("a problem is JSON, has its Content-Length, and does not show the cause", () => {
  const secret = fc.stringMatching(/^[a-z0-9]{8}$/).map((text) => `secret-${text}`);
  fc.assert(
    fc.property(secret, CODE, fc.string({ unit: "binary-ascii" }), (inside, code, id) => {
      const cause = Object.assign(new Error(inside), { code, address: inside, hostname: inside });
      const error = toProxyError(cause);
      const { status, fields, body } = toProblem(error, id, "GET");
      assert.deepEqual(JSON.parse(body), {
        status,
        title: error.message,
        error: error.code,
        requestId: JSON.parse(JSON.stringify(id)),
      });
      for (const encoding of ["utf8", "latin1"] as const) {
        assert.equal(
          findField(fields, "content-length"),
          String(Buffer.from(body, encoding).length),
        );
      }
      assert.ok(![body, ...fields].some((text) => text.includes(inside)));
    }),
  );
});
