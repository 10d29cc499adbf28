import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
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
  await sendRequest(t, sidecar.port, toRequest(start, sent));
  const arrival = await origin.arrival(0);
  const names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
  return Object.fromEntries(names.map((name) => [name, fieldValues(arrival, name)]));
}

const UNTRUSTED = "forwarded: { trust: [] }";
for (const start of ["GET /", "HEAD /", "POST /"]) {
  test(`${start}: headgate adds the peer's address, the protocol and the Host if the client sent none`, async (t) => {
    for (const yaml of ["", UNTRUSTED]) {
      assert.deepEqual(await forwarded(t, yaml, [], start), {
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["a.example"],
        forwarded: [],
      });
    }
  });

  test(`${start}: forwarding fields of a trusted peer are kept and its address appended, in one line`, async (t) => {
    assert.deepEqual(await forwarded(t, "", CLAIMS, start), {
      "x-forwarded-for": ["192.0.2.1, 192.0.2.2, 127.0.0.1"],
      "x-forwarded-proto": ["https"],
      "x-forwarded-host": ["front.example"],
      forwarded: ["for=192.0.2.1"],
    });
  });

  test(`${start}: forwarding fields of an untrusted peer are dropped, all of them`, async (t) => {
    for (const trust of ["[]", "[10.0.0.0/8]", "[192.0.2.0/24]"]) {
      assert.deepEqual(await forwarded(t, `forwarded: { trust: ${trust} }`, CLAIMS, start), {
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["a.example"],
        forwarded: [],
      });
    }
  });

  test(`${start}: forwarded: off forwards all of them unchanged`, async (t) => {
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

test("an HTTP/1.0 request without Host gets no X-Forwarded-Host", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  await sendRequest(t, sidecar.port, "GET / HTTP/1.0\r\n\r\n");
  const arrival = await origin.arrival(0);
  assert.deepEqual(fieldValues(arrival, "x-forwarded-host"), []);
  assert.deepEqual(fieldValues(arrival, "x-forwarded-for"), ["127.0.0.1"]);
});

// Symptom: X-Forwarded-Port, -User, X-Real-IP and others that a stranger had made up reached the upstream, although SECURITY.md promises
// that they never do. Root cause: headgate knew only X-Forwarded-For, -Proto, -Host and Forwarded. Fix: a closed list, which
// http/forwarded.ts and docs/route-file.md show.
const FORGED = [
  "X-Forwarded-Port: 1",
  "x-forwarded-prefix: /admin",
  "X-Forwarded-Server: evil",
  "X-Forwarded-Scheme: https",
  "X-Forwarded-Ssl: on",
  "X-Forwarded-User: root",
  "X-Forwarded: for=192.0.2.1",
  "X-Real-IP: 192.0.2.1",
  "x-client-ip: 192.0.2.1",
  "True-Client-IP: 192.0.2.1",
  "CF-Connecting-IP: 192.0.2.1",
  "Fastly-Client-IP: 192.0.2.1",
  "X_Forwarded_User: root",
  "X_Real_IP: 192.0.2.1",
  "cf_connecting-ip: 192.0.2.1",
];
const HONEST = ["X-Forward: 1", "Accept: */*", "X-Real-Name: Ann", "x_own: 2"];
const MIXED = FORGED.flatMap((line, index) => [line, HONEST[index] ?? []].flat());

for (const start of ["GET /", "HEAD /", "POST /"]) {
  test(`${start}: every name of the list is dropped from a stranger, passes from a trusted peer and with forwarded: off`, async (t) => {
    for (const [yaml, expected] of [
      [UNTRUSTED, HONEST],
      ["", MIXED],
      ["forwarded: off", MIXED],
    ] as const) {
      const origin = await startOrigin(t, text("ok"));
      const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
      await sendRequest(t, sidecar.port, toRequest(start, MIXED));
      const { lines } = await origin.arrival(0);
      assert.deepEqual(
        lines.filter((line) => MIXED.includes(line)),
        expected,
        yaml,
      );
    }
  });
}
