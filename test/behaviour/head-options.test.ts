/** The options of `head`: guards, allow, explain, and the modes reject and observe. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { chunked, getOnly, text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

// `guards`: HEADs that must reach the application as HEAD, in any mode.

const GUARDED = {
  "of an upload (tus)": toRequest("HEAD /x", ["Tus-Resumable: 1.0.0"]),
  "with an Upload-* field": toRequest("HEAD /x", ["upload-offset: 5"]),
  "of a URL signed for AWS": toRequest("HEAD /x?X-Amz-Signature=a"),
  "of a URL signed for Google": toRequest("HEAD /x?X-Goog-Signature=a"),
  "of a URL signed for Azure": toRequest("HEAD /x?sv=1&se=2&sig=a"),
  // `svn commit` of a new file over Digest failed with 401, and each HEAD of an S3 SDK with 403: the signature covers the method.
  "signed in Authorization (S3)": toRequest("HEAD /x", [
    "Authorization: AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b",
  ]),
  "with Digest": toRequest("HEAD /x", ['Authorization: Digest username="a", response="b"']),
  "with DPoP": toRequest("HEAD /x", ["Authorization: DPoP a", "DPoP: b"]),
  "with an HTTP message signature": toRequest("HEAD /x", [
    'Signature-Input: s=("@method" "@path")',
    "Signature: s=:YQ==:",
  ]),
};

for (const [what, bytes] of Object.entries(GUARDED)) {
  testOverVersions(
    `a HEAD ${what} reaches the upstream as HEAD if the route converts, and its refusal is not repeated in mode auto`,
    async (t, over) => {
      const origin = await startOrigin(t, getOnly(text("ok")));
      for (const mode of ["convert", "auto"]) {
        const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: `head: ${mode}` });
        const count = origin.arrivals.length;
        assert.equal((await over.sendRequest(t, sidecar.port, bytes)).status, 405);
        assert.deepEqual(
          origin.arrivals.slice(count).map(({ method }) => method),
          ["HEAD"],
        );
        const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
        assert.equal(line["head"], "pass");
      }
    },
  );

  testOverVersions(`guards: [] converts a HEAD ${what}`, async (t, over) => {
    const origin = await startOrigin(t, getOnly(text("ok")));
    const sidecar = await over.startSidecar(t, {
      upstream: origin.url,
      yaml: "head: { guards: [] }",
    });
    assert.equal((await over.sendRequest(t, sidecar.port, bytes)).status, 200);
  });
}

testOverVersions("mode reject refuses guarded HEADs too", async (t, over) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: "head: reject" });
  assert.equal(
    (await over.sendRequest(t, sidecar.port, GUARDED["of an upload (tus)"])).status,
    405,
  );
  assert.deepEqual(origin.arrivals, []);
});

testOverVersions(
  "guards: [signed-url], the old name, means signed, and [tus] leaves signatures to a proxy that checks them",
  async (t, over) => {
    const origin = await startOrigin(t, getOnly(text("ok")));
    const signed = GUARDED["signed in Authorization (S3)"];
    for (const [guards, status] of [["signed-url", 405] as const, ["tus", 200] as const]) {
      const yaml = `head: { guards: [${guards}] }`;
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
      assert.equal((await over.sendRequest(t, sidecar.port, signed)).status, status);
    }
  },
);

// `allow: repair`: an Allow that names GET also names HEAD, if HEADs are converted.

async function allowOf(t: TestContext, yaml: string, sent: readonly string[], method = "POST") {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("405 Method Not Allowed", [...sent, "Content-Length: 0"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  return fieldValues(await sendRequest(t, sidecar.port, toRequest(`${method} /x`)), "allow");
}

for (const mode of ["convert", "auto"]) {
  const repair = `head: { mode: ${mode}, allow: repair }`;

  test(`mode ${mode} with allow: repair adds HEAD to an Allow that names GET, for any method`, async (t) => {
    for (const method of ["HEAD", "GET", "POST", "OPTIONS"])
      assert.deepEqual(await allowOf(t, repair, ["Allow: GET, PUT"], method), ["GET, PUT, HEAD"]);
    assert.deepEqual(await allowOf(t, repair, ["aLLow: PUT", "Allow: GET"]), ["PUT", "GET, HEAD"]);
  });

  test(`mode ${mode} with allow: repair does not change any other Allow`, async (t) => {
    for (const sent of [["GET, HEAD"], ["PUT, POST"], ["get"], ["GETS"], [""], ["GET", "HEAD"]])
      assert.deepEqual(
        await allowOf(
          t,
          repair,
          sent.map((value) => `Allow: ${value}`),
        ),
        sent,
      );
  });
}

test("by default, and if HEADs are not converted, Allow is the upstream's", async (t) => {
  for (const yaml of [
    "",
    "head: { mode: pass, allow: repair }",
    "head: { mode: observe, allow: repair }",
  ])
    for (const method of ["HEAD", "POST"])
      assert.deepEqual(await allowOf(t, yaml, ["Allow: GET"], method), ["GET"]);
});

// `mode: reject` and `mode: observe`.

test("mode reject: a HEAD gets 405 and Allow: GET, the upstream gets nothing, and the connection stays open", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: reject" });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /x", ["Content-Length: 3"], "abc") + toRequest("GET /next"));
  const answer = await wire.readResponse("HEAD");
  assert.equal(answer.status, 405);
  assert.deepEqual(fieldValues(answer, "allow"), ["GET"]);
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  assert.deepEqual(
    origin.arrivals.map(({ start }) => start),
    ["GET /next HTTP/1.1"],
  );
  const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
  assert.deepEqual(
    [line["head"], line["upstream_method"], line["error.type"], line["level"]],
    ["reject", undefined, undefined, "info"],
  );
  const named = `headgate; details="request_id=${line["request_id"]}"`;
  assert.deepEqual(fieldValues(answer, "proxy-status"), [named]);
});

test("mode observe: a HEAD is sent unchanged, and one whose status is in fallbackOn counts as rescuable", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/docs" ? text("ok")(request) : getOnly(text("ok"))(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: observe" });
  assert.equal((await sendRequest(t, sidecar.port, toRequest("HEAD /docs"))).status, 200);
  for (let round = 0; round < 2; round += 1) {
    const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /x", ["Range: bytes=0-1"]));
    assert.equal(answer.status, 405);
    assert.deepEqual(fieldValues(await origin.arrival(round + 1), "range"), ["bytes=0-1"]);
  }
  assert.deepEqual(
    origin.arrivals.map(({ method }) => method),
    ["HEAD", "HEAD", "HEAD"],
  );
  await sidecar.line((line) => line["url.path"] === "/x" && line["head"] === "observe");
  const { body } = await sendRequest(t, sidecar.adminPort, toRequest("GET /metrics"));
  assert.match(body.toString(), /^headgate_head_rescuable_total\{route="default"\} 2$/m);
  assert.match(body.toString(), /^headgate_head_rescued_total\{route="default"\} 0$/m);
});

// `explain: true`: a HEAD's response shows its outcome.

const PARTIAL: Script = async (request) => {
  await request.completed;
  request.write(toHead("206 Partial", ["Content-Range: bytes 0-0/9", "Content-Length: 1"]) + "x");
};
const CASES: readonly (readonly [head: string, script: Script, words: string])[] = [
  ["", text("ok"), "converted"],
  ["mode: auto", text("ok"), "served as HEAD"],
  ["mode: auto", getOnly(text("ok")), "refused as HEAD, repeated as GET"],
  ["mode: pass", text("ok"), "passed on"],
  ["mode: observe", text("ok"), "passed on, observed"],
  ["range: probe", PARTIAL, "probed"],
  ["contentLength: measure, drain: { time: 1h }", chunked(["abc"]), "converted; drained 3 B"],
];

for (const [head, script, words] of CASES) {
  testOverVersions(
    `{ ${head} } with explain says "${words}" and the upstream's time, in Proxy-Status`,
    async (t, over) => {
      const origin = await startOrigin(t, script);
      const yaml = `head: { explain: true${head === "" ? "" : `, ${head}`} }`;
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
      const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      const [value = "", ...others] = fieldValues(answer, "proxy-status");
      assert.match(value, /^headgate; details="[^"]*; upstream \d+\.\d ms"$/);
      assert.ok(value.startsWith(`headgate; details="${words}; upstream`), value);
      assert.deepEqual(others, []);
    },
  );
}

testOverVersions(
  "the field comes after those of earlier proxies, and neither a GET nor a HEAD by default has one",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok", ["Proxy-Status: inner"]));
    const yaml = "routes: [{ path: /x, head: { explain: true } }]";
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    const counts: number[] = [];
    for (const start of ["HEAD /x", "GET /x", "HEAD /y"])
      counts.push(
        fieldValues(await over.sendRequest(t, sidecar.port, toRequest(start)), "proxy-status")
          .length,
      );
    assert.deepEqual(counts, [2, 1, 1]);
  },
);
