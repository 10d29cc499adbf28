// One request is one line of one shape, for any bytes of a stranger: no line of theirs, no control of the terminal, no flood.

import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";

const FORGED = '{"level":"error","msg":"forged"}';
const LONG = "x".repeat(7_000);
const REQUESTS: readonly string[] = [
  toRequest(`GET /%0d%0a${encodeURIComponent(FORGED)}`),
  toRequest("GET /a\x1b[2Jb"),
  toRequest(`GET /","level":"error","msg":"forged`),
  toRequest("GET /", ["User-Agent: a\x9b2J\xe9\xa0b"]),
  toRequest("GET /", ["User-Agent: \x1b]0;title\x07"]),
  toRequest("GET /", [`User-Agent: ","msg":"forged`]),
  toRequest("GET /", [`User-Agent: \t${FORGED}\t`]),
  toRequest("GET /", [`X-Request-Id: a","msg":"forged`]),
  toRequest("GET /", ["X-Request-Id: \x85\u00ad"]),
  toRequest("GET /", ["traceparent: 00-forged-\x9b-01"]),
  toRequest(`GET /${LONG}`, [`User-Agent: ${LONG}`, `X-Request-Id: x`]),
];

test("a stranger's request is one line, bounded and without control characters", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const cwd = await makeDirectory(t, {
    "routes.yaml": `upstream: ${origin.url}\nlog: { access: all, format: json }\n`,
  });
  const headgate = await startRun(t, ["--config", `${cwd}/routes.yaml`]);
  const before = toLines(headgate.stdout()).length;
  for (const request of REQUESTS) await sendRequest(t, headgate.port, request);
  headgate.signal("SIGTERM");
  await headgate.exited;
  const lines = toLines(headgate.stdout()).slice(before);
  const ofRequests = lines.filter((line) => !/"msg":"stopp(?:ing: [^"]*|ed)"/.test(line));
  assert.equal(ofRequests.length, REQUESTS.length);
  for (const line of ofRequests) {
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029\u00ad]/);
    assert.ok(line.length < 16 * 1024, `${line.length} characters`);
    const { level, msg } = JSON.parse(line) as { readonly level: string; readonly msg: string };
    assert.equal(level, "info");
    assert.match(msg, /^(?:request$|The request )/);
  }
});

function toLines(output: string): readonly string[] {
  return output.split("\n").filter((line) => line !== "");
}
