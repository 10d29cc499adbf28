/** One log line and one set of samples for each exchange, however it ended. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { text, toHead } from "../support/responses.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

interface Case {
  readonly request: string;
  readonly script: Script;
  readonly status: number;
  readonly error?: string;
  /** The client leaves when the request has reached the upstream. */
  readonly leaves?: true;
}

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const cases: Readonly<Record<string, Case>> = {
  "a GET": { request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", script: text("ok"), status: 200 },
  "a HEAD": { request: "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", script: text("ok"), status: 200 },
  "an upload": {
    request: "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    script: text("ok"),
    status: 200,
  },
  "an upstream's own error": {
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    script: (request) => request.write(toHead("500 No", ["Content-Length: 0"])),
    status: 500,
  },
  "an upstream that resets": {
    request: "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    script: (request) => request.reset(),
    status: 502,
    error: "connection_terminated",
  },
  "a client that leaves": {
    request: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    script: () => undefined,
    status: 499,
    error: "client_gone",
    leaves: true,
  },
  "a tunnel": {
    request: `GET /x HTTP/1.1\r\nHost: a\r\n${UPGRADE}`,
    script: (request) => {
      request.takeOver();
      request.write(`HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}`);
      request.end();
    },
    status: 101,
  },
  "a refused upgrade": {
    request: `GET /x HTTP/1.1\r\nHost: a\r\n${UPGRADE}`,
    script: text("no"),
    status: 200,
  },
  "a request that headgate refuses": {
    request: "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    script: text("ok"),
    status: 400,
    error: "http_request_error",
  },
  "a message that is not HTTP": {
    request: "nonsense\r\n\r\n",
    script: text("ok"),
    status: 400,
    error: "http_request_error",
  },
  "a header section that is too large": {
    request: `GET /x HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n\r\n`,
    script: text("ok"),
    status: 431,
    error: "http_request_error",
  },
  "a CONNECT": {
    request: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    script: text("ok"),
    status: 501,
    error: "http_request_error",
  },
  "an answer of headgate's own": {
    request: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    script: text("ok"),
    status: 204,
  },
};

for (const [name, { request, script, status, error, leaves }] of Object.entries(cases)) {
  test(`${name} is one line and one sample`, async (t) => {
    const origin = await startOrigin(t, script);
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, sidecar.port);
    client.write(request);
    if (leaves === undefined) {
      await client.readHead();
      if (status === 101) client.halfClose(); // a tunnel ends when both sides have
    } else {
      await origin.arrival(0);
      client.reset();
    }
    const line = await sidecar.line((each) => "http.response.status_code" in each);
    client.socket.destroy();
    assert.deepEqual([line["http.response.status_code"], line["error.type"]], [status, error]);
    const samples = await readSamples(t, sidecar);
    // A tunnel's hours would distort the durations of requests.
    assert.deepEqual(samples, [1, status === 101 ? 0 : 1], "requests counted, durations measured");
    await sidecar.stop();
    const all = sidecar.lines.filter((each) => "http.response.status_code" in each);
    assert.equal(all.length, 1);
  });
}

async function readSamples(t: TestContext, { adminPort }: Sidecar): Promise<number[]> {
  const admin = await openWire(t, adminPort);
  admin.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  const metrics = (await admin.readResponse()).body.toString();
  return ["headgate_requests_total", "headgate_request_duration_seconds_count"].map((name) => {
    const lines = metrics
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  });
}
