import assert from "node:assert/strict";
import test from "node:test";
import { agreeing, text } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const EXPECT = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

test("a client that expects 100 hears it once, sends its content and gets the answer", async (t) => {
  const origin = await startOrigin(t, agreeing(text("ok")));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 2; turn += 1) {
    client.write(EXPECT);
    assert.equal((await client.readAnswer()).status, 100);
    client.write("hello");
    const answer = await client.readAnswer();
    assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"]);
    const { body } = await (await origin.arrival(turn)).whole;
    assert.equal(body.toString(), "hello");
  }
});

// RFC 9110 §10.1.1: whose content comes anyway does not wait, and may be spared the 100.
test("content that comes right behind its header section needs no 100, and the connection goes on", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(`${EXPECT}helloGET /y HTTP/1.1\r\nHost: a\r\n\r\n`);
  for (const target of ["/x", "/y"]) {
    let answer = await client.readAnswer();
    if (answer.status === 100) answer = await client.readAnswer();
    assert.equal(answer.status, 200, target);
    assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"], target);
  }
  assert.equal((await (await origin.arrival(0)).whole).body.toString(), "hello");
});

test("a client that leaves after its 100 frees the upstream", async (t) => {
  const origin = await startOrigin(
    t,
    agreeing(() => undefined),
  );
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(EXPECT);
  assert.equal((await client.readAnswer()).status, 100);
  const connection = await origin.connection(0);
  client.reset();
  await connection.closed;
});
