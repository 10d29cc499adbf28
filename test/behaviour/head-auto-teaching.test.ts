/**
 * `mode: auto`: the responses that it learns from, and the cost of the first HEADs.
 *
 * Symptom: one HEAD with `X-HTTP-Method-Override` that got 405 made headgate send GET for the whole route for five minutes, for every
 * host; 30 first HEADs at once cost the backend 30 requests more, although the documents say one.
 * Root cause: every refused HEAD that then succeeded as GET counted as a property of the route, by route and path alone, and no HEAD waited
 * for the first one's result.
 * Fix: a HEAD that names another method than HEAD is handled for itself and teaches nothing, and neither does a 405 that allows HEAD, nor a
 * GET that fails; what auto learns is for one host; while the first HEAD finds out the others wait, a second each.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, text, toHead } from "../support/responses.ts";
import { release } from "../support/held.ts";
import { untilInFlight } from "../support/in-flight.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, type Origin, type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Cleanup, type Wire, openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const AUTO = "head: auto\nroutes: [{ path: '/items/{id}' }, { path: '/files/*' }]";
const OK = ["X-A: b", "Content-Length: 0"];

function seen({ arrivals }: Origin): string[] {
  return arrivals.map(({ method, target }) => `${method} ${target}`);
}

function refusing(isRefused: (request: Parameters<Script>[0]) => boolean, allow: string): Script {
  return async (request) => {
    if (request.method !== "HEAD" || !isRefused(request)) return text("ok")(request);
    await request.completed;
    request.write(toHead("405 Method Not Allowed", [`Allow: ${allow}`, "Content-Length: 0"]));
  };
}

/** HEADs of one path on connections that are already open, so that they arrive together. */
async function headAll(t: Cleanup, port: number, path: string, count = 30): Promise<Wire[]> {
  const wires = await Promise.all(Array.from({ length: count }, () => openWire(t, port)));
  for (const wire of wires) wire.write(toRequest(`HEAD ${path}`));
  return wires;
}

/** Runs a test that must finish in the second that HEADs wait for the first, and once more if the machine was too busy for that. */
async function inTime(run: (path: string) => Promise<() => void>): Promise<void> {
  for (let round = 0; ; round += 1) {
    const startMs = performance.now();
    const check = await run(`/files/${round}`);
    if (performance.now() - startMs < 900 || round === 20) return check();
  }
}

for (const [start, line] of [
  ["HEAD /items/1", "X-HTTP-Method-Override: DELETE"],
  ["HEAD /items/1", "x-http-method: PUT"],
  ["HEAD /items/1", "X-Method-Override: PATCH"],
  ["HEAD /items/1", "X_HTTP_METHOD_OVERRIDE: DELETE"],
  ["HEAD /items/1?a=b&_method=DELETE", "X-A: b"],
  ["HEAD /items/1?X-HTTP-Method-Override=DELETE", "X-A: b"],
] as const) {
  test(`a HEAD that names another method teaches nothing: ${start} ${line}`, async (t) => {
    const origin = await startOrigin(
      t,
      refusing(({ lines, target }) => lines.includes(line) && target === start.slice(5), "POST"),
    );
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
    const odd = toRequest(start, [line]);
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await sendRequest(t, sidecar.port, odd)).status, 200);
      assert.equal((await sendRequest(t, sidecar.port, toRequest("HEAD /items/2"))).status, 200);
    }
    const target = start.slice(5);
    const both = [`HEAD ${target}`, `GET ${target}`, "HEAD /items/2"];
    assert.deepEqual(seen(origin), [...both, ...both]);
  });
}

test("a 405 that allows HEAD has not refused HEAD, and teaches nothing", async (t) => {
  const odd = "X-Odd: 1";
  const origin = await startOrigin(
    t,
    refusing(({ lines }) => lines.includes(odd), "GET, HEAD"),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
  await sendRequest(t, sidecar.port, toRequest("HEAD /items/1", [odd]));
  await sendRequest(t, sidecar.port, toRequest("HEAD /items/2"));
  assert.deepEqual(seen(origin), ["HEAD /items/1", "GET /items/1", "HEAD /items/2"]);
});

testOverVersions("a GET that fails as well teaches nothing", async (t, over) => {
  const origin = await startOrigin(t, async (request) => {
    if (fieldValues(request, "x-odd").length === 0) return text("ok")(request);
    await request.completed;
    const status = request.method === "HEAD" ? "405 Method Not Allowed" : "500 Oops";
    request.write(toHead(status, ["Content-Length: 0"]));
  });
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: AUTO });
  assert.equal(
    (await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/1", ["X-Odd: 1"]))).status,
    500,
  );
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/2"));
  assert.deepEqual(seen(origin), ["HEAD /items/1", "GET /items/1", "HEAD /items/2"]);
});

testOverVersions("what auto learns is for one host, in any spelling", async (t, over) => {
  const origin = await startOrigin(
    t,
    refusing((request) => /^a\./i.test(fieldValues(request, "host").join()), "GET"),
  );
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: AUTO });
  for (const host of ["a.example", "A.Example.:80", "b.example", "a.example", "b.example"])
    await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/1", [`Host: ${host}`]));
  assert.deepEqual(
    origin.arrivals.map(({ method, lines }) => `${method} ${lines[0]}`),
    [
      "HEAD Host: a.example",
      "GET Host: a.example",
      "GET Host: A.Example.:80",
      "HEAD Host: b.example",
      "GET Host: a.example",
      "HEAD Host: b.example",
    ],
  );
});

test("30 first HEADs at once cost one additional request", async (t) => {
  const origin = await startOrigin(t, getOnly(text("ok")));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
  await inTime(async (path) => {
    const wires = await headAll(t, sidecar.port, path);
    const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
    return () => {
      assert.ok(answers.every(({ status }) => status === 200));
      const asked = seen(origin).filter((start) => start.endsWith(path));
      assert.equal(asked.length, 31);
      assert.equal(asked.filter((start) => start.startsWith("HEAD")).length, 1);
    };
  });
  const line = await sidecar.line((one) => one["head"] === "convert");
  assert.equal(line["upstream_method"], "GET");
});

test("30 first HEADs that the backend serves all get its response to the first, and later ones do not wait", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
  const wires = await headAll(t, sidecar.port, "/items/1");
  release(await origin.arrival(0), OK);
  await origin.arrival(29); // the others have arrived before one of them gets its response
  for (const request of origin.arrivals.slice(1)) release(request, OK);
  for (const wire of wires)
    assert.deepEqual(fieldValues(await wire.readResponse("HEAD"), "x-a"), ["b"]);
  const later = await headAll(t, sidecar.port, "/items/1", 5);
  await origin.arrival(34);
  for (const request of origin.arrivals.slice(30)) release(request, OK);
  for (const wire of later) assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.ok(origin.arrivals.every(({ method }) => method === "HEAD"));
});

test("no HEAD waits long for the first: after a second the others are sent themselves", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
  const wires = await headAll(t, sidecar.port, "/items/1", 5);
  await origin.arrival(4);
  for (const request of origin.arrivals) release(request, OK);
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.ok(origin.arrivals.every(({ method }) => method === "HEAD"));
});

for (const end of ["client leaves", "request fails"]) {
  test(`if the first one's ${end}, another one finds out`, async (t) => {
    const isFirst = new Set<string>();
    const origin = await startOrigin(t, (request) => {
      if (request.method === "GET") return text("ok")(request);
      if (isFirst.has(request.target)) return getOnly(() => undefined)(request);
      isFirst.add(request.target);
      if (end === "request fails") request.write("nonsense\r\n\r\n");
    });
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
    await inTime(async (path) => {
      const [first, ...others] = await headAll(t, sidecar.port, path, 6);
      if (end === "client leaves") {
        while (!isFirst.has(path)) await origin.arrival(origin.arrivals.length);
        first?.reset();
      }
      const statuses = await Promise.all(
        others.map(async (wire) => (await wire.readResponse("HEAD")).status),
      );
      return () => {
        // The kernel decides which of the six is first: a failed one is among those that are read, or not.
        assert.ok(statuses.filter((status) => status === 200).length >= 4);
        const asked = seen(origin).filter((start) => start.endsWith(path));
        assert.equal(asked.filter((start) => start.startsWith("HEAD")).length, 2);
      };
    });
  });
}

// Symptom: a HEAD that waited for the one that tries the upstream was sent as well, so that two tried.
// Root cause: a HEAD whose GET had failed ended its trial at the header section and once more at the end of its content, by when the
// trial was another HEAD's.
// Fix: a HEAD ends only a trial that it has started.
test("a client that disconnects while its HEAD waits for the first sends nothing upstream", async (t) => {
  const held = new Set<Arrival>();
  const origin = await startOrigin(t, async (request) => {
    if (request.method === "GET") {
      held.add(request);
      return request.write(toHead("500 Oops", ["Transfer-Encoding: chunked"]));
    }
    if (request.target === "/other") return release(request, OK);
    if (!request.target.endsWith("?held"))
      return request.write(toHead("405 Method Not Allowed", ["Content-Length: 0"]));
  });
  const yaml = "head: { mode: auto, drain: { time: 1m } }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  await inTime(async (path) => {
    const [failed] = await headAll(t, sidecar.port, path, 1);
    assert.equal((await failed?.readResponse("HEAD"))?.status, 500); // its content goes on
    const before = origin.arrivals.length;
    assert.equal(seen(origin).filter((start) => start.endsWith(path)).length, 2);
    const trial = await headAll(t, sidecar.port, `${path}?held`, 1);
    const tried = await origin.arrival(before);
    const waits = await headAll(t, sidecar.port, `${path}?held`, 1);
    await untilInFlight(sidecar.adminPort, 2);
    for (const request of held) request.write("0\r\n\r\n");
    held.clear();
    await sidecar.line((line) => line["url.path"] === path && line["head"] === "fallback");
    await sendRequest(t, sidecar.port, toRequest("HEAD /other")); // what was sent before it has arrived
    const count = origin.arrivals.filter(({ target }) => target.startsWith(path)).length;
    release(tried, OK);
    const isSecond = ({ target }: Arrival) => target.endsWith(`${path}?held`);
    let index = before;
    while (origin.arrivals.filter(isSecond).length < 2) await origin.arrival((index += 1));
    for (const request of origin.arrivals.filter(isSecond).slice(1)) release(request, OK);
    for (const wire of [...trial, ...waits])
      assert.equal((await wire.readResponse("HEAD")).status, 200);
    return () => assert.equal(count, 3, "the second one waits for the first");
  });
});

test("a client that disconnects while its HEAD waits for the first sends nothing upstream", async (t) => {
  const origin = await startOrigin(t, (request) => {
    if (request.method === "GET") release(request, OK);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
  await inTime(async (path) => {
    const [first, gone] = await Promise.all([openWire(t, sidecar.port), openWire(t, sidecar.port)]);
    const before = origin.arrivals.length;
    first.write(toRequest(`HEAD ${path}`));
    const trial = await origin.arrival(before);
    gone.write(toRequest(`HEAD ${path}?gone`));
    await untilInFlight(sidecar.adminPort, 2);
    gone.reset();
    await untilInFlight(sidecar.adminPort, 1);
    trial.write(toHead("405 Method Not Allowed", ["Content-Length: 0"]));
    assert.equal((await first.readResponse("HEAD")).status, 200);
    return () => assert.ok(!seen(origin).some((start) => start.endsWith(`${path}?gone`)));
  });
});

test("30 first HEADs that are probed cost one additional request if the backend has no ranges", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    if (fieldValues(request, "range").length === 0) return text("whole")(request);
    request.write(toHead("416 Range Not Satisfiable", ["Content-Length: 0"]));
  });
  const yaml = "head: { range: probe }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  await inTime(async (path) => {
    const wires = await headAll(t, sidecar.port, path);
    const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
    return () => {
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal(seen(origin).filter((start) => start.endsWith(path)).length, 31);
    };
  });
});

testOverVersions("one odd HEAD does not end the probing of a route", async (t, over) => {
  const origin = await startOrigin(t, async (request) => {
    const isOdd = /odd/.test(`${request.target} ${fieldValues(request, "host").join()}`);
    await request.completed;
    if (isOdd && request.target === "/items/odd") {
      const hasRange = fieldValues(request, "range").length > 0;
      const status = hasRange ? "416 Range Not Satisfiable" : "404 Not Found";
      return request.write(toHead(status, ["Content-Length: 0"]));
    }
    if (fieldValues(request, "x-http-method").length > 0 || isOdd)
      return request.write(toHead("416 Range Not Satisfiable", ["Content-Length: 0"]));
    request.write(
      `${toHead("206 Partial Content", ["Content-Range: bytes 0-0/9", "Content-Length: 1"])}x`,
    );
  });
  const yaml = "head: { range: probe }\nroutes: [{ path: '/items/{id}' }]";
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/odd")); // its GET is no better
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/1", ["X-HTTP-Method: POST"]));
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/1", ["Host: odd.example"]));
  const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /items/1"));
  assert.deepEqual(fieldValues(answer, "content-length"), ["9"]);
});
