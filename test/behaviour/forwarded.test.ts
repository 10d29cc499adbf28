import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { text } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

const CLAIMS = [
  "X-Forwarded-For: 192.0.2.1",
  "x-forwarded-proto: https",
  "X-FORWARDED-HOST: front.example",
  "X-forwarded-for: 192.0.2.2",
  "Forwarded: for=192.0.2.1",
];

/** The X-Forwarded-* and Forwarded lines that reach the upstream, by lower-case name. */
async function forwarded(
  t: TestContext,
  yaml: string,
  sent: readonly string[],
  start = "GET /",
): Promise<Record<string, readonly string[]>> {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  await ask(t, sidecar.port, toRequest(start, sent));
  const arrival = await origin.arrival(0);
  const names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
  return Object.fromEntries(names.map((name) => [name, fieldValues(arrival, name)]));
}

const UNTRUSTED = "forwarded: { trust: [] }";
for (const start of ["GET /", "HEAD /", "POST /"]) {
  test(`${start}: a peer's address, the protocol and the Host are said where nobody said them`, async (t) => {
    for (const yaml of ["", UNTRUSTED]) {
      assert.deepEqual(await forwarded(t, yaml, [], start), {
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["a.example"],
        forwarded: [],
      });
    }
  });

  test(`${start}: claims of a trusted peer are kept and its address appended, in one line`, async (t) => {
    assert.deepEqual(await forwarded(t, "", CLAIMS, start), {
      "x-forwarded-for": ["192.0.2.1, 192.0.2.2, 127.0.0.1"],
      "x-forwarded-proto": ["https"],
      "x-forwarded-host": ["front.example"],
      forwarded: ["for=192.0.2.1"],
    });
  });

  test(`${start}: claims of a peer that is not trusted are dropped, all of them`, async (t) => {
    for (const trust of ["[]", "[10.0.0.0/8]", "[192.0.2.0/24]"]) {
      assert.deepEqual(await forwarded(t, `forwarded: { trust: ${trust} }`, CLAIMS, start), {
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["a.example"],
        forwarded: [],
      });
    }
  });

  test(`${start}: forwarded: off leaves all of it as it came`, async (t) => {
    assert.deepEqual(await forwarded(t, "forwarded: off", CLAIMS, start), {
      "x-forwarded-for": ["192.0.2.1", "192.0.2.2"],
      "x-forwarded-proto": ["https"],
      "x-forwarded-host": ["front.example"],
      forwarded: ["for=192.0.2.1"],
    });
    const nothing = {
      "x-forwarded-for": [],
      "x-forwarded-proto": [],
      "x-forwarded-host": [],
      forwarded: [],
    };
    assert.deepEqual(await forwarded(t, "forwarded: off", [], start), nothing);
  });
}

test("a peer listed by its address is trusted", async (t) => {
  const { "x-forwarded-for": chain } = await forwarded(
    t,
    "forwarded: { trust: [127.0.0.1] }",
    CLAIMS,
  );
  assert.deepEqual(chain, ["192.0.2.1, 192.0.2.2, 127.0.0.1"]);
});

test("an HTTP/1.0 request without Host claims none", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  await ask(t, sidecar.port, "GET / HTTP/1.0\r\n\r\n");
  const arrival = await origin.arrival(0);
  assert.deepEqual(fieldValues(arrival, "x-forwarded-host"), []);
  assert.deepEqual(fieldValues(arrival, "x-forwarded-for"), ["127.0.0.1"]);
});
