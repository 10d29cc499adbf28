/** HEADs that must reach the application as HEAD, whatever the mode would make of them. */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, text } from "../support/answers.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

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
  test(`a HEAD ${what} reaches the upstream as HEAD where the route converts, and its refusal is not repeated in mode auto`, async (t) => {
    const origin = await startOrigin(t, getOnly(text("ok")));
    for (const mode of ["convert", "auto"]) {
      const sidecar = await startSidecar(t, { upstream: origin.url, yaml: `head: ${mode}` });
      const count = origin.arrivals.length;
      assert.equal((await ask(t, sidecar.port, bytes)).status, 405);
      assert.deepEqual(
        origin.arrivals.slice(count).map(({ method }) => method),
        ["HEAD"],
      );
      const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
      assert.equal(line["head"], "pass");
    }
  });

  test(`guards: [] converts a HEAD ${what}`, async (t) => {
    const origin = await startOrigin(t, getOnly(text("ok")));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: { guards: [] }" });
    assert.equal((await ask(t, sidecar.port, bytes)).status, 200);
  });
}

test("mode reject refuses guarded HEADs too", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: reject" });
  assert.equal((await ask(t, sidecar.port, GUARDED["of an upload (tus)"])).status, 405);
  assert.deepEqual(origin.arrivals, []);
});

test("guards: [signed-url], the old name, means signed, and [tus] leaves signatures to a front that checks them", async (t) => {
  const origin = await startOrigin(t, getOnly(text("ok")));
  const signed = GUARDED["signed in Authorization (S3)"];
  for (const [guards, status] of [["signed-url", 405] as const, ["tus", 200] as const]) {
    const yaml = `head: { guards: [${guards}] }`;
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
    assert.equal((await ask(t, sidecar.port, signed)).status, status);
  }
});
