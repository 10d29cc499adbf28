import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a request without content has nothing to wait for, and its connection stays", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const lines of [["Expect: 100-continue"], ["Expect: 100-continue", "Content-Length: 0"]]) {
    wire.write(toRequest("GET /", lines));
    assert.equal((await wire.readAnswer()).body.toString(), "ok");
  }
});

test("a client that does not wait for 100 is served as well", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(
    toRequest(
      "PUT /",
      ["Transfer-Encoding: chunked", "Expect: 100-continue"],
      "2\r\nhi\r\n0\r\n\r\n",
    ),
  );
  let answer = await wire.readAnswer();
  if (answer.status === 100) answer = await wire.readAnswer();
  assert.equal(answer.body.toString(), "ok");
});

test("an upstream that cannot be reached is said instead of 100, with Connection: close", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "unix:/nonexistent/socket" });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", ["Content-Length: 5", "Expect: 100-continue"]));
  const answer = await wire.readAnswer();
  assert.equal(answer.status, 502);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
});

test("an unknown expectation is refused with 417, with content or without", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const expectation of ["bogus", "100-continue, bogus", "200-ok", ""]) {
    for (const [start, lines] of [
      ["GET /", []],
      ["HEAD /", []],
      ["POST /", ["Content-Length: 5"]],
    ] as const) {
      const answer = await ask(
        t,
        sidecar.port,
        toRequest(start, [...lines, `Expect: ${expectation}`]),
      );
      assert.equal(answer.status, 417, `${start} ${expectation}`);
      assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    }
  }
  const twice = ["Expect: 100-continue", "Expect: bogus", "Content-Length: 5"];
  assert.equal((await ask(t, sidecar.port, toRequest("POST /", twice))).status, 417);
  assert.equal(origin.connections.length, 0);
});

test("in HTTP/1.0 an expectation means nothing", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const expectation of ["100-continue", "bogus"]) {
    const answer = await ask(
      t,
      sidecar.port,
      toRequest("POST / HTTP/1.0", ["Content-Length: 5", `Expect: ${expectation}`], "hello"),
    );
    assert.equal(answer.status, 200);
  }
});
