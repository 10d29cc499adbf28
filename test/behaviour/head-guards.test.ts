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
