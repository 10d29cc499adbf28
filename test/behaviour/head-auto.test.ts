/** `mode: auto`: the upstream's own response to a HEAD is preferred, and a refusal is repeated as GET. */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Origin, type Script, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const AUTO = "head: auto";
const ITEM_AND_FILES =
  "head: auto\nroutes: [{ path: '/items/{id}' }, { path: '/files/*' }, { path: /exact }]";

function seen({ arrivals }: Origin): string[] {
  return arrivals.map(({ method, target }) => `${method} ${target}`);
}

function refusing(status: number): Script {
  return async (request) => {
    if (request.method === "GET") return text("fifteen bytes..")(request);
    await request.completed;
    request.write(toHead(`${status} No`, ["Content-Length: 2", "X-From: head"]));
  };
}

testOverVersions("a HEAD that the upstream serves gets that response", async (t, over) => {
  const origin = await startOrigin(t, (request) =>
    text(request.method, [`X-Method: ${request.method}`])(request),
  );
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: AUTO });
  for (const round of [0, 1]) {
    const answer = await over.sendRequest(
      t,
      sidecar.port,
      toRequest("HEAD /x", ["Range: bytes=0-1"]),
    );
    assert.deepEqual(fieldValues(answer, "x-method"), ["HEAD"]);
    assert.deepEqual(fieldValues(await origin.arrival(round), "range"), ["bytes=0-1"]);
  }
  assert.deepEqual(seen(origin), ["HEAD /x", "HEAD /x"]);
  assert.equal((await sidecar.line(({ msg }) => msg === "request"))["head"], "native");
});

for (const status of [405, 501]) {
  test(`a HEAD that gets ${status} is repeated as GET within the same request, and only that response reaches the client`, async (t) => {
    const origin = await startOrigin(t, refusing(status));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("HEAD /x?a=b", ["Range: bytes=0-1"]) + toRequest("GET /next"));
    const answer = await wire.readResponse("HEAD");
    assert.equal(answer.status, 200);
    assert.deepEqual(fieldValues(answer, "content-length"), ["15"]);
    assert.deepEqual(fieldValues(answer, "x-from"), []);
    assert.equal((await wire.readResponse()).body.toString(), "fifteen bytes..");
    assert.deepEqual(seen(origin), ["HEAD /x?a=b", "GET /x?a=b", "GET /next"]);
    assert.deepEqual(fieldValues(await origin.arrival(1), "range"), []);
    const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
    assert.deepEqual(
      [line["head"], line["upstream_method"], line["body"]],
      ["fallback", "GET", "drained"],
    );
  });
}

testOverVersions(
  "a backend that sends 404 for each HEAD shows as native, and fallbackOn helps: a missing page teaches nothing",
  async (t, over) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      if (request.method === "GET" && request.target !== "/missing") return text("ok")(request);
      request.write(toHead("404 Not Found", ["Content-Length: 0"]));
    });
    const headsOf = async (yaml: string): Promise<unknown[]> => {
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
      for (const target of ["/missing", "/x", "/x"])
        await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`));
      await sidecar.stop();
      return sidecar.lines
        .filter((line) => line["http.request.method"] === "HEAD")
        .map((line) => `${line["url.path"]} ${line["head"]} ${line["http.response.status_code"]}`);
    };
    assert.deepEqual(await headsOf("head: auto"), [
      "/missing native 404",
      "/x native 404",
      "/x native 404",
    ]);
    assert.deepEqual(await headsOf("head: { mode: auto, fallbackOn: [404, 405, 501] }"), [
      "/missing fallback 404",
      "/x fallback 200",
      "/x convert 200",
    ]);
  },
);

testOverVersions("fallbackOn sets which statuses are repeated", async (t, over) => {
  const origin = await startOrigin(t, (request) =>
    refusing(request.target === "/missing" ? 404 : 405)(request),
  );
  const yaml = "head: { mode: auto, fallbackOn: [404] }";
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
  assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /missing"))).status, 200);
  assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /refused"))).status, 405);
  assert.deepEqual(seen(origin), ["HEAD /missing", "GET /missing", "HEAD /refused"]);
});

testOverVersions(
  "an exact route and one with a parameter are remembered as a whole, a prefix by its paths",
  async (t, over) => {
    const origin = await startOrigin(t, getOnly(text("ok")));
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: ITEM_AND_FILES });
    const targets = [
      "/items/1",
      "/items/2",
      "/exact?a",
      "/exact",
      "/files/a?1",
      "/files/a",
      "/files/b",
    ];
    for (const target of targets)
      assert.equal(
        (await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`))).status,
        200,
      );
    assert.deepEqual(seen(origin), [
      "HEAD /items/1",
      "GET /items/1",
      "GET /items/2",
      "HEAD /exact?a",
      "GET /exact?a",
      "GET /exact",
      "HEAD /files/a?1",
      "GET /files/a?1",
      "GET /files/a",
      "HEAD /files/b",
      "GET /files/b",
    ]);
    for (const [path, head] of [
      ["/items/1", "fallback"],
      ["/items/2", "convert"],
    ])
      assert.equal((await sidecar.line((line) => line["url.path"] === path))["head"], head);
  },
);

testOverVersions("after `remember` headgate sends HEAD again", async (t, over) => {
  let isServed = false;
  const origin = await startOrigin(t, (request) =>
    isServed ? text("own")(request) : getOnly(text("ok"))(request),
  );
  const yaml = "head: { mode: auto, remember: 1ms }\nroutes: [{ path: /x }]";
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
  isServed = true;
  // The connection that each `ask` opens usually takes longer than a millisecond.
  while (seen(origin).filter((start) => start === "HEAD /x").length < 3)
    assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 200);
  assert.equal(seen(origin).at(-1), "HEAD /x");
});

testOverVersions(
  "a GET that is refused as well reaches the client unchanged, and teaches nothing",
  async (t, over) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(toHead("405 Method Not Allowed", ["Allow: POST", "Content-Length: 0"]));
    });
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: AUTO });
    for (let round = 0; round < 2; round += 1) {
      const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      assert.equal(answer.status, 405);
      assert.deepEqual(fieldValues(answer, "allow"), ["POST"]);
    }
    assert.deepEqual(seen(origin), ["HEAD /x", "GET /x", "HEAD /x", "GET /x"]);
  },
);

for (const status of ["200 OK", "405 Method Not Allowed"]) {
  test(`content that wrongly follows a HEAD's ${status} is not taken for the next response: its connection is closed`, async (t) => {
    const stray = toHead("200 OK", ["Content-Length: 4", "X-Stray: 1"]);
    const origin = await startOrigin(t, async (request) => {
      if (request.method === "GET") return text("fine")(request);
      await request.completed;
      request.write(`${toHead(status, [`Content-Length: ${stray.length + 4}`])}${stray}evil`);
    });
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
    for (let round = 0; round < 5; round += 1) {
      const wire = await openWire(t, sidecar.port);
      wire.write(toRequest(`HEAD /${round}`) + toRequest("GET /next"));
      const answer = await wire.readResponse("HEAD");
      assert.deepEqual([answer.status, fieldValues(answer, "x-stray")], [200, []]);
      assert.equal((await wire.readResponse()).body.toString(), "fine");
    }
    for (const { connection } of origin.arrivals.filter(({ method }) => method === "HEAD"))
      await connection.closed;
  });
}

for (const method of ["HEAD", "GET"]) {
  test(`a client that leaves during the ${method} of its HEAD ends that request, and no other is sent`, async (t) => {
    const origin = await startOrigin(t, (request) =>
      request.method === method ? undefined : getOnly(text("ok"))(request),
    );
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: AUTO });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("HEAD /x"));
    const last = await origin.arrival(method === "HEAD" ? 0 : 1);
    wire.reset();
    await last.connection.closed;
    const line = await sidecar.line(({ msg }) => msg !== undefined && String(msg).includes("left"));
    assert.equal(line["error.type"], "client_gone");
    assert.equal(origin.arrivals.at(-1), last);
  });
}

testOverVersions(
  "an upstream that dies at the repeated GET is an error like any other",
  async (t, over) => {
    const origin = await startOrigin(t, (request) =>
      request.method === "GET" ? request.reset() : getOnly(text("ok"))(request),
    );
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: AUTO });
    assert.equal((await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"))).status, 502);
    const line = await sidecar.line((one) => one["http.response.status_code"] === 502);
    assert.deepEqual([line["head"], line["error.type"]], ["failed", "connection_terminated"]);
  },
);
