import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { text } from "../support/responses.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

type Death = (request: Arrival) => void;

const DEATHS: Record<string, Death> = {
  reset: (request) => request.reset(),
  close: (request) => request.end(),
};

/** Warms a connection up, lets the next request on it die, and returns that request's response and how often it arrived. */
async function askOnDying(t: TestContext, die: Death, request: string, freshDies = false) {
  const origin = await startOrigin(t, async (arrival) => {
    await arrival.completed;
    const isReused = arrival.connection.number === 1;
    if (arrival.target === "/" && (isReused || freshDies)) die(arrival);
    else await text("ok")(arrival);
  });
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "routes: [{ path: /passed, head: pass }]",
  });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /warm"));
  assert.equal((await wire.readResponse()).status, 200);
  wire.write(request);
  const answer = await wire.readResponse(request.slice(0, request.indexOf(" ")));
  const arrivals = origin.arrivals.filter(({ target }) => target === "/");
  return { answer, arrivals };
}

for (const [how, die] of Object.entries(DEATHS)) {
  test(`a GET with Content-Length: 0 is retried once, too (${how})`, async (t) => {
    const { answer, arrivals } = await askOnDying(
      t,
      die,
      toRequest("GET /", ["Content-Length: 0"]),
    );
    assert.equal(answer.status, 200);
    assert.deepEqual(arrivals[0]?.lines, arrivals[1]?.lines);
    assert.equal(arrivals.length, 2);
  });

  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    test(`${method} is retried once on a fresh connection when a reused one dies (${how}) before the first byte`, async (t) => {
      const { answer, arrivals } = await askOnDying(t, die, toRequest(`${method} /`));
      assert.equal(answer.status, 200);
      assert.deepEqual(
        arrivals.map(({ connection }) => connection.number),
        [1, 2],
      );
      assert.equal(arrivals[0]?.start, arrivals[1]?.start);
      assert.deepEqual(arrivals[0]?.lines, arrivals[1]?.lines);
    });

    test(`${method} is not sent a third time when the fresh connection dies (${how}) as well`, async (t) => {
      const { answer, arrivals } = await askOnDying(t, die, toRequest(`${method} /`), true);
      assert.equal(answer.status, 502);
      assert.equal(arrivals.length, 2);
    });
  }

  const ONCE = [
    toRequest("POST /", ["Content-Length: 2"], "ok"),
    toRequest("POST /"),
    toRequest("PUT /", ["Content-Length: 2"], "ok"),
    toRequest("PUT /"),
    toRequest("DELETE /"),
    toRequest("PATCH /", ["Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\n\r\n"),
    toRequest("PROPFIND /"),
    toRequest("GET /", ["Content-Length: 2"], "ok"),
    toRequest("GET /", ["Transfer-Encoding: chunked"], "2\r\nok\r\n0\r\n\r\n"),
    toRequest("OPTIONS /", ["Content-Length: 2"], "ok"),
  ];
  for (const request of ONCE) {
    const [name = ""] = request.split(" HTTP");
    const framing = /Content-Length|chunked/.exec(request)?.[0] ?? "no content";
    test(`${name} with ${framing} is sent once only when a reused connection dies (${how})`, async (t) => {
      const { answer, arrivals } = await askOnDying(t, die, request);
      assert.equal(answer.status, 502);
      assert.equal(arrivals.length, 1);
    });
  }
}

test("a HEAD on a route with head: pass is retried once as HEAD", async (t) => {
  const origin = await startOrigin(t, async (arrival) => {
    await arrival.completed;
    if (arrival.target === "/x" && arrival.connection.number === 1) arrival.reset();
    else await text("ok")(arrival);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: pass" });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /warm"));
  await wire.readResponse();
  wire.write(toRequest("HEAD /x"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.deepEqual(
    origin.arrivals.map(({ method }) => method),
    ["GET", "HEAD", "HEAD"],
  );
});

const BEGUN = [
  "H",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\n\r\n",
];
for (const bytes of BEGUN) {
  test(`no request is retried once ${JSON.stringify(bytes)} has come`, async (t) => {
    const { answer, arrivals } = await askOnDying(
      t,
      (request) => {
        request.write(bytes);
        request.end();
      },
      toRequest("GET /"),
    );
    assert.ok([100, 103, 502].includes(answer.status), answer.start);
    assert.equal(arrivals.length, 1);
  });
}

test("a first connection that dies is not retried", async (t) => {
  const origin = await startOrigin(t, (request) => request.reset());
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest(`${method} /`));
    assert.equal((await wire.readResponse(method)).status, 502);
  }
  assert.equal(origin.arrivals.length, 3);
});

test("a POST never meets a connection that the upstream closed while it was idle", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (let round = 0; round < 20; round += 1) {
    wire.write(toRequest("GET /"));
    assert.equal((await wire.readResponse()).status, 200);
    const idle = origin.connections.at(-1);
    idle?.socket.end();
    await idle?.closed;
    wire.write(toRequest("POST /", ["Content-Length: 2"], "ok"));
    assert.equal((await wire.readResponse()).status, 200);
  }
});
