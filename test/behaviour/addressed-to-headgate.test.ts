import assert from "node:assert/strict";
import test from "node:test";
import { slow, text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

test("headgate responds to OPTIONS * itself, in either form, and the connection stays open", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(
    toRequest("OPTIONS *") +
      toRequest("OPTIONS http://b.example") +
      toRequest("OPTIONS *", ["Content-Length: 2"], "{}") +
      toRequest("GET /next"),
  );
  for (const _ of [1, 2, 3]) assert.equal((await wire.readResponse("OPTIONS")).status, 204);
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  assert.equal(origin.arrivals.length, 1);
});

test("the response to an OPTIONS * that waits for 100 (Continue) has Connection: close", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "http://127.0.0.1:1" });
  const answer = await sendRequest(
    t,
    sidecar.port,
    toRequest("OPTIONS *", ["Content-Length: 5", "Expect: 100-continue"]),
  );
  assert.equal(answer.status, 204);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
});

testOverVersions(
  "OPTIONS and TRACE reach the upstream with one Max-Forwards less",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await over.startSidecar(t, { upstream: origin.url });
    for (const method of ["OPTIONS", "TRACE"]) {
      const seen = origin.arrivals.length;
      await over.sendRequest(t, sidecar.port, toRequest(`${method} /x`, ["max-forwards: 3"]));
      const arrival = await origin.arrival(seen);
      assert.equal(arrival.start, `${method} /x HTTP/1.1`);
      assert.deepEqual(
        arrival.lines.filter((line) => /^max-forwards/i.test(line)),
        ["max-forwards: 2"],
      );
    }
  },
);

testOverVersions(
  "Max-Forwards means nothing on other methods and is forwarded",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await over.startSidecar(t, { upstream: origin.url });
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
      const seen = origin.arrivals.length;
      await over.sendRequest(t, sidecar.port, toRequest(`${method} /x`, ["Max-Forwards: 0"]));
      assert.deepEqual(fieldValues(await origin.arrival(seen), "max-forwards"), ["0"]);
    }
  },
);

testOverVersions("headgate responds itself to an OPTIONS with Max-Forwards: 0", async (t, over) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await over.startSidecar(t, { upstream: origin.url });
  const answer = await over.sendRequest(
    t,
    sidecar.port,
    toRequest("OPTIONS /x", ["Max-Forwards: 0"]),
  );
  assert.equal(answer.status, 204);
  assert.equal(origin.connections.length, 0);
});

test("a TRACE with Max-Forwards: 0 is echoed byte for byte without its secrets, and not one byte more", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "http://127.0.0.1:1" });
  const wire = await openWire(t, sidecar.port);
  const secrets = ["Authorization: Basic x", "cookie: a=1", "Proxy-Authorization: y"];
  wire.write(toRequest("TRACE /x", ["Max-Forwards: 0", "X-A: é", ...secrets, "Connection: close"]));
  const answer = await wire.readResponse("TRACE");
  assert.equal(answer.status, 200);
  assert.deepEqual(fieldValues(answer, "content-type"), ["message/http"]);
  assert.equal(
    answer.body.toString("latin1"),
    "TRACE /x HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: 0\r\nX-A: é\r\nConnection: close\r\n\r\n",
  );
  assert.equal((await wire.bytes.takeAll()).length, 0);
});

test("CONNECT is refused with 501, and headgate opens no connection", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const target of [`127.0.0.1:${origin.port}`, "a.example:443", "/x"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(
      toRequest(`CONNECT ${target}`, [`Host: ${target}`], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    const answer = await wire.readResponse();
    assert.ok([400, 501].includes(answer.status), answer.start);
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    wire.halfClose();
    assert.equal((await wire.bytes.takeAll()).length, 0);
  }
  assert.equal(origin.connections.length, 0);
});

test("a CONNECT after another request does not disturb that request's response", async (t) => {
  let release = (): void => {};
  const origin = await startOrigin(
    t,
    slow("mine", new Promise<void>((resolve) => (release = resolve))),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /") + toRequest("CONNECT a.example:443"));
  await origin.arrival(0);
  release();
  assert.equal((await wire.readResponse()).body.toString(), "mine");
  assert.equal((await wire.readResponse()).status, 501);
  wire.halfClose();
  assert.equal((await wire.bytes.takeAll()).length, 0);
});

test("a response in progress continues when a CONNECT follows on its connection", async (t) => {
  const body = "x".repeat(8 * 1024 ** 2);
  const origin = await startOrigin(t, text(body));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.pause();
  wire.write(toRequest("GET /"));
  await (
    await origin.arrival(0)
  ).completed;
  wire.write(toRequest("CONNECT a.example:443"));
  wire.resume();
  assert.equal((await wire.readResponse()).body.length, body.length);
  assert.equal((await wire.readResponse()).status, 501);
});

test("a client that sends CONNECT and resets disturbs no other client", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (let round = 0; round < 20; round += 1) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("CONNECT a.example:443"));
    if (round % 2 === 0) await wire.readHead();
    wire.reset();
  }
  assert.equal((await sendRequest(t, sidecar.port, toRequest("GET /"))).status, 200);
});
