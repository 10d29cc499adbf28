/** `allow: repair`: an Allow that names GET names HEAD too, where HEADs are converted. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { toHead } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

async function allowOf(t: TestContext, yaml: string, sent: readonly string[], method = "POST") {
  const origin = await startOrigin(t, async (request) => {
    await request.whole;
    request.write(toHead("405 Method Not Allowed", [...sent, "Content-Length: 0"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  return fieldValues(await ask(t, sidecar.port, toRequest(`${method} /x`)), "allow");
}

for (const mode of ["convert", "auto"]) {
  const repair = `head: { mode: ${mode}, allow: repair }`;

  test(`mode ${mode} with allow: repair adds HEAD to an Allow that names GET, whatever the method`, async (t) => {
    for (const method of ["HEAD", "GET", "POST", "OPTIONS"])
      assert.deepEqual(await allowOf(t, repair, ["Allow: GET, PUT"], method), ["GET, PUT, HEAD"]);
    assert.deepEqual(await allowOf(t, repair, ["aLLow: PUT", "Allow: GET"]), ["PUT", "GET, HEAD"]);
  });

  test(`mode ${mode} with allow: repair leaves every other Allow alone`, async (t) => {
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

test("by default, and where HEADs are not converted, Allow is the upstream's", async (t) => {
  for (const yaml of [
    "",
    "head: { mode: pass, allow: repair }",
    "head: { mode: observe, allow: repair }",
  ])
    for (const method of ["HEAD", "POST"])
      assert.deepEqual(await allowOf(t, yaml, ["Allow: GET"], method), ["GET"]);
});
