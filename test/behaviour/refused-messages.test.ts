import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const MESSAGES = [
  ["what is no HTTP", "NONSENSE\r\n\r\n", 400],
  [
    "a header section that is too large",
    `GET / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(40_000)}\r\n\r\n`,
    431,
    "limits.headerBytes is 32768",
  ],
  [
    "a header section of too many fields",
    `GET / HTTP/1.1\r\nHost: a\r\n${"A: a\r\n".repeat(300)}\r\n`,
    431,
    "limits.headerCount is 200",
  ],
  ["a CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
] as const;

// Symptom: a scanner's garbage, or a client with too many cookies, left no trace for the operator. Root cause: Node refuses such a message
// before there is a request. Fix: the refusal is observed as an exchange of its own.
// Symptom: the line of a 431 had no name of the setting that would let it pass. Root cause: only the text for the client was logged. Fix:
// the cause names the setting; the client does not get it.
for (const [what, message, status, setting = ""] of MESSAGES) {
  test(`${what} is refused with ${status}, with one log line of the same id and one sample`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const { port, adminPort, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(message);
    const answer = await client.readResponse();
    assert.equal(answer.status, status);
    const { requestId } = JSON.parse(answer.body.toString()) as { requestId: string };
    const logged = await line((one) => one["request_id"] === requestId);
    assert.equal(logged["http.response.status_code"], status);
    assert.equal(logged["client.address"], "127.0.0.1");
    assert.ok(String(logged["msg"]).endsWith(setting), String(logged["msg"]));
    if (setting !== "") assert.ok(!answer.body.includes(setting));
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    assert.match(
      metrics,
      new RegExp(`headgate_requests_total\\{[^}]*code="${status}"[^}]*\\} 1\n`),
    );
  });
}

// Symptom: a HEAD with a header section that was too large, or no HTTP, was refused with content, and without the id in Proxy-Status. Root
// cause: the code that refuses an incomplete header section did not know its method. Fix: the parser reports how the section began.
for (const [what, pieces, status] of [
  ["too large", [`HEAD / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(40_000)}\r\n\r\n`], 431],
  [
    "too large in pieces",
    ["HE", `AD / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(40_000)}\r\n\r\n`],
    431,
  ],
  ["no HTTP", ["HEAD / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n"], 400],
  ["of another version", ["HEAD / HTTP/1.2\r\nHost: a\r\n\r\n"], 505],
] as const) {
  test(`a HEAD whose header section is ${what} is refused with ${status} without content`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const { port, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    for (const piece of pieces) {
      client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const answer = await client.readResponse("HEAD");
    assert.equal(answer.status, status);
    const [proxyStatus = ""] = fieldValues(answer, "proxy-status");
    const requestId = /request_id=([^"]+)"/.exec(proxyStatus)?.[1];
    assert.ok(requestId !== undefined, proxyStatus);
    await line((one) => one["request_id"] === requestId);
    // Only the end follows.
    await assert.rejects(client.readResponse());
    assert.equal(await client.closed, "end");
  });
}

// Symptom: the lines and samples of refusals had no method or path although the request line had arrived. Root cause: a refusal knew a
// request only if its complete header section was read. Fix: the parser reports the parts of the request line that it has read.
const LONG = "M".repeat(65);
const LARGE = `Host: a\r\nA: ${"a".repeat(40_000)}\r\n\r\n`;
for (const [what, message, status, method, path, label] of [
  ["a method of 65 bytes", `${LONG} /p?q HTTP/1.1\r\n\r\n`, 501, "M", "/p", "other"],
  ["a field that is none", "GET /p?q HTTP/1.1\r\nA\r\n\r\n", 400, "GET", "/p", "GET"],
  ["a version that is later", "PUT /p?q HTTP/1.2\r\nHost: a\r\n\r\n", 505, "PUT", "/p", "PUT"],
  ["too large a section", `POST /p?q HTTP/1.1\r\n${LARGE}`, 431, "POST", "/p", "POST"],
  ["a HEAD with a bad field", "HEAD /p HTTP/1.1\r\nA\r\n\r\n", 400, "HEAD", "/p", "HEAD"],
  ["too long a target", `GET u:pass${"a".repeat(40_000)}@b`, 431, "GET", undefined, "GET"],
  ["no version", "ODD u:pass\r\n\r\n", 400, "ODD", undefined, "other"],
  ["no method", "NONSENSE\r\n\r\n", 400, undefined, undefined, "other"],
] as const) {
  test(`a refusal for ${what} has the method and path that headgate had read`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const { port, adminPort, line } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write(message);
    assert.equal((await client.readResponse(method)).status, status);
    const logged = await line((one) => one["http.response.status_code"] === status);
    const loggedMethod = logged["http.request.method"];
    if (method === "M") assert.match(String(loggedMethod), /^M{64}/);
    else assert.equal(loggedMethod, method);
    assert.equal(logged["url.path"], path);
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    assert.match(metrics, new RegExp(`requests_total\\{[^}]*method="${label}",code="${status}"`));
  });
}
