/** `limit`: a cap on the HEADs that cost the backend a GET. */

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

test("a HEAD over limit.concurrent gets 503, Retry-After and Proxy-Status; GETs and other routes do not; each that ends makes room", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/held" ? undefined : text("ok")(request),
  );
  const yaml = "head: { limit: { concurrent: 2 } }\nroutes: [{ path: /other }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const held = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const [index, wire] of held.entries()) {
    wire.write(toRequest("HEAD /held"));
    await origin.arrival(index);
  }
  const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /x"));
  assert.equal(answer.status, 503);
  assert.deepEqual(fieldValues(answer, "retry-after"), ["1"]);
  assert.match(fieldValues(answer, "proxy-status").join(), /^headgate; error=/);
  assert.equal((await sendRequest(t, sidecar.port, toRequest("GET /x"))).status, 200);
  assert.equal((await sendRequest(t, sidecar.port, toRequest("HEAD /other"))).status, 200);

  held[0]?.reset();
  await (
    await origin.arrival(0)
  ).connection.closed;
  await sidecar.line((line) => line["error.type"] === "client_gone");
  assert.equal((await sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 200);
  const second = await origin.arrival(1);
  await text("ok")(second);
  assert.equal((await held[1]?.readResponse("HEAD"))?.status, 200);
  const refused = await sidecar.line((line) => line["http.response.status_code"] === 503);
  assert.deepEqual([refused["head"], refused["upstream_method"]], ["reject", undefined]);
});

// Symptom: a HEAD over the limit was logged at warn, without error.type, and listed among the last errors as the upstream's own.
// Root cause: the exchange had a status and no error, like a response from the upstream.
// Fix: it ends with the error that its Proxy-Status names, a client's fault.
test("a HEAD over the limit is the client's fault: one line at info, even with access: errors, and no error of the upstream's", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  for (const access of ["all", "errors"]) {
    const yaml = `log: { access: ${access} }\nhead: { limit: { rate: 1/h } }`;
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
    const wire = await openWire(t, sidecar.port);
    for (const status of [200, 503, 503]) {
      wire.write(toRequest("HEAD /x"));
      const answer = await wire.readResponse("HEAD");
      assert.equal(answer.status, status);
      const said =
        status === 503 ? /^headgate; error=http_request_denied; details="request_id=/ : /^$/;
      assert.match(fieldValues(answer, "proxy-status").join(), said);
    }
    const line = await sidecar.line((one) => one["http.response.status_code"] === 503);
    assert.deepEqual(
      [line["level"], line["error.type"], line["msg"]],
      ["info", "http_request_denied", "The HEAD is over its route's limit"],
    );
    const metrics = (
      await sendRequest(t, sidecar.adminPort, toRequest("GET /metrics"))
    ).body.toString();
    assert.doesNotMatch(metrics, /http_request_denied/);
    const status = (
      await sendRequest(t, sidecar.adminPort, toRequest("GET /status.json"))
    ).body.toString();
    const { lastErrors, upstreams } = JSON.parse(status) as {
      lastErrors: unknown[];
      upstreams: { state: string; errors: unknown }[];
    };
    assert.deepEqual(lastErrors, []);
    assert.deepEqual(
      upstreams.map(({ state, errors }) => [state, errors]),
      [["up", {}]],
    );
  }
});

testOverVersions("HEADs over limit.rate get 503 with Retry-After", async (t, over) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = "head: { limit: { rate: 2/h } }";
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
  const statuses: number[] = [];
  for (const start of ["HEAD /x", "HEAD /x", "GET /x"])
    statuses.push((await over.sendRequest(t, sidecar.port, toRequest(start))).status);
  assert.deepEqual(statuses, [200, 503, 200]);
  const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
  const seconds = Number(fieldValues(answer, "retry-after").join());
  assert.ok(seconds > 1_700 && seconds <= 1_800, String(seconds));
});

testOverVersions("HEADs that are sent upstream as HEAD are not limited", async (t, over) => {
  const origin = await startOrigin(t, text("ok"));
  for (const mode of ["pass", "auto", "observe"]) {
    const yaml = `head: { mode: ${mode}, limit: { rate: 1/h } }`;
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    for (let round = 0; round < 3; round += 1)
      assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 200);
  }
});
