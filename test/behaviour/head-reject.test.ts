/** `mode: reject` and `mode: observe`. */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, text } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("mode reject: a HEAD is answered with 405 and Allow: GET, the upstream hears nothing, and the connection serves on", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: reject" });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /x", ["Content-Length: 3"], "abc") + toRequest("GET /next"));
  const answer = await wire.readAnswer("HEAD");
  assert.equal(answer.status, 405);
  assert.deepEqual(fieldValues(answer, "allow"), ["GET"]);
  assert.equal((await wire.readAnswer()).body.toString(), "ok");
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

test("mode observe: a HEAD goes up as it is, and one whose answer is in fallbackOn is counted as rescuable", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/docs" ? text("ok")(request) : getOnly(text("ok"))(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: observe" });
  assert.equal((await ask(t, sidecar.port, toRequest("HEAD /docs"))).status, 200);
  for (let round = 0; round < 2; round += 1) {
    const answer = await ask(t, sidecar.port, toRequest("HEAD /x", ["Range: bytes=0-1"]));
    assert.equal(answer.status, 405);
    assert.deepEqual(fieldValues(await origin.arrival(round + 1), "range"), ["bytes=0-1"]);
  }
  assert.deepEqual(
    origin.arrivals.map(({ method }) => method),
    ["HEAD", "HEAD", "HEAD"],
  );
  await sidecar.line((line) => line["url.path"] === "/x" && line["head"] === "observe");
  const { body } = await ask(t, sidecar.adminPort, toRequest("GET /metrics"));
  assert.match(body.toString(), /^headgate_head_rescuable_total\{route="default"\} 2$/m);
  assert.match(body.toString(), /^headgate_head_rescued_total\{route="default"\} 0$/m);
});
