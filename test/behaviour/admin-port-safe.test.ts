/** A stranger, a page in a browser and the proxy's own port cannot change anything through the admin port. */

import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startEdited } from "../support/binary.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a page in a browser cannot trigger a reload, with any name for this machine", async (t) => {
  const headgate = await startEdited(t, "upstream: http://127.0.0.1:9\n");
  const post = async (...lines: readonly string[]): Promise<number> => {
    const fields = [...lines, "Content-Length: 0"];
    return (await sendRequest(t, headgate.adminPort, toRequest("POST /reload", fields))).status;
  };
  assert.equal(await post("Host: localhost", "Origin: http://evil.example"), 403, "another site");
  assert.equal(await post("Host: localhost", "Origin: null"), 403, "a sandboxed frame");
  assert.equal(await post("Host: localhost", "Sec-Fetch-Site: cross-site"), 403, "no Origin");
  assert.equal(await post("Host: evil.example:9090"), 403, "a name rebound to this machine");
  assert.equal(await post("Host: localhost", "Host: evil.example"), 400, "two hosts");
  const absolute = async (authority: string, host: string): Promise<number> => {
    const request = toRequest(`POST http://${authority}/reload`, [
      `Host: ${host}`,
      "Content-Length: 0",
    ]);
    return (await sendRequest(t, headgate.adminPort, request)).status;
  };
  assert.equal(await absolute("localhost", "evil.example"), 403, "either name counts");
  assert.equal(await absolute("evil.example", "localhost"), 403, "either name counts");
  assert.equal(await headgate.metric('headgate_config_reloads_total{result="success"}'), 0);
  for (const host of ["localhost:9090", "127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "headgate"])
    assert.equal(await post(`Host: ${host}`), 200, host);
  assert.equal(await absolute("localhost:9090", "localhost:9090"), 200);
});

test("no request to the proxy's port reaches the admin port", async (t) => {
  const origin = await startOrigin(t, text("the upstream's"));
  const { port, adminPort } = await startSidecar(t, { upstream: origin.url });
  for (const admin of [`localhost:${adminPort}`, `127.0.0.1:${adminPort}`]) {
    for (const request of [
      toRequest("GET /readyz", [`Host: ${admin}`]),
      toRequest("POST /reload", [`Host: ${admin}`, "Content-Length: 0"]),
      toRequest(`GET http://${admin}/readyz`),
      toRequest("GET /readyz", [`X-Forwarded-Host: ${admin}`, `Forwarded: host="${admin}"`]),
      toRequest(`GET //${admin}/readyz`),
    ]) {
      const answer = await sendRequest(t, port, request);
      assert.equal(answer.body.toString(), "the upstream's", request);
    }
    const connect = await sendRequest(
      t,
      port,
      `CONNECT ${admin} HTTP/1.1\r\nHost: ${admin}\r\n\r\n`,
    );
    assert.equal(connect.status, 501);
  }
});

test("only /reload changes anything: no other method is served", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  for (const path of ["/", "/livez", "/readyz", "/metrics", "/status.json", "/events"]) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      const answer = await sendRequest(t, adminPort, toRequest(`${method} ${path}`));
      assert.equal(answer.status, 405, `${method} ${path}`);
    }
  }
  const quit = await sendRequest(t, adminPort, toRequest("POST /quitquitquit"));
  assert.equal(quit.status, 404);
});

test("a client that reads nothing is disconnected, and so is one whose header section does not end", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const slow = await openWire(t, adminPort);
  slow.write("GET /readyz HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  assert.equal((await slow.readResponse()).status, 408);
  assert.equal(await slow.closed, "end");
});
