/** `explain: true`: a HEAD's answer says what was done with it. */

import assert from "node:assert/strict";
import test from "node:test";
import { chunked, getOnly, text, toHead } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

const PARTIAL: Script = async (request) => {
  await request.whole;
  request.write(toHead("206 Partial", ["Content-Range: bytes 0-0/9", "Content-Length: 1"]) + "x");
};
const CASES: readonly (readonly [head: string, script: Script, words: string])[] = [
  ["", text("ok"), "converted"],
  ["mode: auto", text("ok"), "served as HEAD"],
  ["mode: auto", getOnly(text("ok")), "refused as HEAD, repeated as GET"],
  ["mode: pass", text("ok"), "passed on"],
  ["mode: observe", text("ok"), "passed on, observed"],
  ["range: probe", PARTIAL, "probed"],
  ["contentLength: measure", chunked(["abc"]), "converted; drained 3 B"],
];

for (const [head, script, words] of CASES) {
  test(`{ ${head} } with explain says "${words}" and the upstream's time, in Proxy-Status`, async (t) => {
    const origin = await startOrigin(t, script);
    const yaml = `head: { explain: true${head === "" ? "" : `, ${head}`} }`;
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
    const answer = await ask(t, sidecar.port, toRequest("HEAD /x"));
    const [value = "", ...others] = fieldValues(answer, "proxy-status");
    assert.match(value, /^headgate; details="[^"]*; upstream \d+\.\d ms"$/);
    assert.ok(value.startsWith(`headgate; details="${words}; upstream`), value);
    assert.deepEqual(others, []);
  });
}

test("the field comes after those of the proxies before, and neither a GET nor a HEAD by default has one", async (t) => {
  const origin = await startOrigin(t, text("ok", ["Proxy-Status: inner"]));
  const yaml = "routes: [{ path: /x, head: { explain: true } }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const counts: number[] = [];
  for (const start of ["HEAD /x", "GET /x", "HEAD /y"])
    counts.push(fieldValues(await ask(t, sidecar.port, toRequest(start)), "proxy-status").length);
  assert.deepEqual(counts, [2, 1, 1]);
});
