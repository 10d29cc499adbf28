/**
 * `options: reply`: HAProxy's plain `option httpchk` sends OPTIONS, for which FastAPI sends 405. headgate can respond in its place, but
 * never to a CORS preflight.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const GET_ONLY: Script = async (request) => {
  await request.completed;
  request.write(toHead("405 Method Not Allowed", ["Allow: GET", "Content-Length: 0"]));
};

const ROUTES: Readonly<Record<string, readonly [options: string, allow: string]>> = {
  "/reply": ["options: reply", "GET, HEAD, OPTIONS"],
  "/listed": ["options: { allow: [POST, GET, PURGE] }", "POST, GET, PURGE"],
  "/repaired": [
    "options: { allow: [GET, OPTIONS] }, head: { allow: repair }",
    "GET, OPTIONS, HEAD",
  ],
  "/rejected": ["options: reply, head: reject", "GET, OPTIONS"],
};
const YAML = `routes: [${Object.entries(ROUTES)
  .map(([path, [options]]) => `{ path: ${path}, ${options} }`)
  .join(", ")}]`;

for (const [path, [written, allow]] of Object.entries(ROUTES)) {
  test(`{ ${written} }: OPTIONS is 204 with Allow: ${allow}, and the connection stays open`, async (t) => {
    const origin = await startOrigin(t, GET_ONLY);
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: YAML });
    const wire = await openWire(t, sidecar.port);
    wire.write(
      toRequest(`OPTIONS ${path}?x`) +
        toRequest(`OPTIONS ${path} HTTP/1.0`, ["Connection: keep-alive", "Origin: http://b"]) +
        toRequest(`OPTIONS ${path}`, ["Content-Length: 2"], "{}"),
    );
    for (const _ of [1, 2, 3]) {
      const answer = await wire.readResponse("OPTIONS");
      assert.equal(answer.status, 204);
      assert.deepEqual(fieldValues(answer, "allow"), [allow]);
      assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate"]);
      assert.deepEqual(fieldValues(answer, "content-length"), []);
    }
    assert.deepEqual(origin.arrivals, []);
    const line = await sidecar.line((one) => one["http.request.method"] === "OPTIONS");
    assert.deepEqual([line["route"], line["upstream_method"]], [path, undefined]);
  });
}

testOverVersions(
  "a CORS preflight, other methods and other routes are forwarded",
  async (t, over) => {
    const origin = await startOrigin(t, GET_ONLY);
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: YAML });
    const preflight = ["Origin: http://b", "Access-Control-Request-Method: PUT"];
    for (const bytes of [
      toRequest("OPTIONS /reply", preflight),
      toRequest("OPTIONS /other"),
      toRequest("GET /reply"),
      toRequest("POST /reply", ["Content-Length: 0"]),
    ])
      assert.equal((await over.sendRequest(t, sidecar.port, bytes)).status, 405);
    assert.equal(origin.arrivals.length, 4);
  },
);

testOverVersions(
  "routes inherit the top level's options, and may forward again",
  async (t, over) => {
    const origin = await startOrigin(t, GET_ONLY);
    const yaml = "options: reply\nroutes: [{ path: /a }, { path: /b, options: forward }]";
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    const statuses = [];
    for (const path of ["/", "/a", "/b"])
      statuses.push((await over.sendRequest(t, sidecar.port, toRequest(`OPTIONS ${path}`))).status);
    assert.deepEqual(statuses, [204, 204, 405]);
  },
);

testOverVersions("the 405 of mode reject has the Allow of OPTIONS", async (t, over) => {
  const yaml = "head: reject\noptions: { allow: [GET, HEAD, POST] }";
  const sidecar = await over.startSidecar(t, { upstream: "http://127.0.0.1:1", yaml });
  for (const method of ["HEAD", "OPTIONS"]) {
    const answer = await over.sendRequest(t, sidecar.port, toRequest(`${method} /`));
    assert.deepEqual(fieldValues(answer, "allow"), ["GET, POST"]);
  }
});
