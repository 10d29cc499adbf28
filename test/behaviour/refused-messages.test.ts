import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/answers.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const MESSAGES = [
  ["what is no HTTP", "NONSENSE\r\n\r\n", 400],
  [
    "a header section that is too large",
    `GET / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(20_000)}\r\n\r\n`,
    431,
  ],
  ["a CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
] as const;

// Symptom: a scanner's garbage, or a client with too many cookies, left no trace for the operator. Root cause: node refuses such
// a message before there is a request. Fix: the refusal is observed as an exchange of its own.
for (const [what, message, status] of MESSAGES) {
  test(`${what} is answered ${status}, with one log line of the same id and one sample`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const { port, adminPort, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(message);
    const answer = await client.readAnswer();
    assert.equal(answer.status, status);
    const { requestId } = JSON.parse(answer.body.toString()) as { requestId: string };
    const logged = await line((one) => one["request_id"] === requestId);
    assert.equal(logged["http.response.status_code"], status);
    assert.equal(logged["client.address"], "127.0.0.1");
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    assert.match(
      metrics,
      new RegExp(`headgate_requests_total\\{[^}]*code="${status}"[^}]*\\} 1\n`),
    );
  });
}
