/**
 * HEADs without a response from the upstream.
 *
 * Symptoms: the log, the metrics and the status page showed "served as HEAD" while the upstream was dead, and a 502 to a HEAD did not
 * lead to a log line. Root causes: the outcome was the planned one, and the request's id was in the content, which a HEAD does not have.
 * Fix: the outcome is `failed` if no response came, and the id is in Proxy-Status (RFC 9209).
 */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const MODES = [
  "convert",
  "auto",
  "pass",
  "observe",
  "{ range: probe }",
  "{ contentLength: measure, drain: { time: 1h } }",
  "{ share: 1m }",
];
const DEAD: Script = async (request) => {
  await request.completed;
  request.reset();
};
const IS_HEAD = (line: Sidecar["lines"][number]): boolean => line["http.request.method"] === "HEAD";

for (const mode of MODES) {
  testOverVersions(
    `head: ${mode} with a dead upstream has the outcome failed, and its 502 names the log line`,
    async (t, over) => {
      const origin = await startOrigin(t, DEAD);
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: `head: ${mode}` });
      const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      assert.equal(answer.status, 502);
      const line = await sidecar.line(IS_HEAD);
      assert.equal(line["head"], "failed");
      assert.deepEqual(fieldValues(answer, "proxy-status"), [
        `headgate; error=connection_terminated; details="request_id=${line["request_id"]}"`,
      ]);
      const metrics = (
        await sendRequest(t, sidecar.adminPort, toRequest("GET /metrics"))
      ).body.toString();
      assert.match(
        metrics,
        /^headgate_requests_total\{route="default",method="HEAD",code="502",head="failed"\} 1$/m,
      );
      const page = (
        await sendRequest(t, sidecar.adminPort, toRequest("GET /status.json"))
      ).body.toString();
      const { heads, lastHeads } = JSON.parse(page) as {
        heads: { outcomes: Record<string, number> };
        lastHeads: { head: string }[];
      };
      assert.deepEqual([heads.outcomes["failed"], lastHeads[0]?.head], [1, "failed"]);
    },
  );
}

testOverVersions(
  "a HEAD in mode auto has failed if its GET gets no response after the refused HEAD",
  async (t, over) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      if (request.method === "GET") request.reset();
      else request.write(toHead("405 Method Not Allowed", ["Content-Length: 0"]));
    });
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: "head: auto" });
    assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 502);
    assert.equal((await sidecar.line(IS_HEAD))["head"], "failed");
  },
);

test("a HEAD whose client disconnects before the response has failed", async (t) => {
  const origin = await startOrigin(t, async (request) => void (await request.connection.closed));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /x"));
  await origin.arrival(0);
  wire.reset();
  const line = await sidecar.line(IS_HEAD);
  assert.deepEqual([line["head"], line["error.type"]], ["failed", "client_gone"]);
});

testOverVersions(
  "a HEAD whose GET is truncated after its header section was converted",
  async (t, over) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(`${toHead("200 OK", ["Content-Length: 9"])}abc`);
      request.reset();
    });
    const sidecar = await over.startSidecar(t, { upstream: origin.url });
    assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 200);
    assert.equal((await sidecar.line(IS_HEAD))["head"], "convert");
  },
);

test("every headgate error for a HEAD names its log line in Proxy-Status, that for a GET in the content", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = "head: { limit: { rate: 1/h } }\nroutes: [{ path: /never, head: reject }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  await sendRequest(t, sidecar.port, toRequest("HEAD /x"));
  const HEADS = {
    "over the limit": [toRequest("HEAD /x"), 503],
    rejected: [toRequest("HEAD /never"), 405],
    "with two hosts": [toRequest("HEAD /x", ["Host: a", "Host: b"]), 400],
    "with too many fields": [
      toRequest(
        "HEAD /x",
        Array.from({ length: 201 }, () => "X: y"),
      ),
      431,
    ],
  } as const;
  for (const [what, [bytes, status]] of Object.entries(HEADS)) {
    const answer = await sendRequest(t, sidecar.port, bytes);
    assert.equal(answer.status, status, what);
    const line = await sidecar.line((one) => one["http.response.status_code"] === status);
    const [value = ""] = fieldValues(answer, "proxy-status");
    assert.match(value, /^headgate;(?: error=\w+;)? details="request_id=[\w.-]+"$/, what);
    assert.ok(value.endsWith(`=${line["request_id"]}"`), what);
  }
  const get = await sendRequest(t, sidecar.port, toRequest("GET /x", ["Host: a", "Host: b"]));
  assert.deepEqual(fieldValues(get, "proxy-status"), ["headgate; error=http_request_error"]);
});
