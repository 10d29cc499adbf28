/** `share`: identical HEADs that come together, or soon after, cost the backend one request. */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { release, startHeld } from "../support/held.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const SHARE = "head: { share: 1m }";

test("1,000 identical HEADs at one time cost the backend one request, and all get its response", async (t) => {
  const held = await startHeld(t, "{ share: 1s }");
  const wires = await Promise.all(Array.from({ length: 1_000 }, () => held.head()));
  await held.inFlight(1_000);
  assert.equal(held.origin.arrivals.length, 1);
  release(held.origin.arrivals[0], ['ETag: "a"', "Content-Length: 5"], "hello");
  const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.deepEqual(fieldValues(answer, "etag"), ['"a"']);
    assert.deepEqual(fieldValues(answer, "content-length"), ["5"]);
  }
  assert.equal(held.origin.arrivals.length, 1);
});

test("a HEAD within the time gets the same response, on a connection that stays open", async (t) => {
  const origin = await startOrigin(t, text("hello", ['ETag: "a"', "X-A: 1", "X-A: 2"]));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: SHARE });
  const wire = await openWire(t, sidecar.port);
  const lines: (readonly string[])[] = [];
  for (let round = 0; round < 3; round += 1) {
    wire.write(toRequest("HEAD /x"));
    const answer = await wire.readResponse("HEAD");
    lines.push(answer.lines.filter((line) => !/^(?:age|date|keep-alive):/i.test(line)));
  }
  assert.deepEqual(lines[1], lines[0]);
  assert.deepEqual(lines[2], lines[0]);
  assert.equal(origin.arrivals.length, 1);
});

testOverVersions("after the time headgate sends a request again", async (t, over) => {
  const origin = await startOrigin(t, text("hello"));
  const sidecar = await over.startSidecar(t, {
    upstream: origin.url,
    yaml: "head: { share: 1ms }",
  });
  while (origin.arrivals.length < 3) await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
});

testOverVersions(
  "without share each HEAD is sent, and a route may set 0s while the others share",
  async (t, over) => {
    const origin = await startOrigin(t, text("hello"));
    for (const yaml of ["", `${SHARE}\nroutes: [{ path: /x, head: { share: 0s } }]`]) {
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
      const before = origin.arrivals.length;
      for (let round = 0; round < 2; round += 1)
        await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      assert.equal(origin.arrivals.length - before, 2);
    }
  },
);

testOverVersions(
  "a HEAD with a shared response gets an Age, added to the upstream's",
  async (t, over) => {
    const script: Script = (request) =>
      text("hello", request.target === "/old" ? ["Age: 7"] : [])(request);
    const origin = await startOrigin(t, script);
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    const ages: (readonly string[])[] = [];
    for (const target of ["/new", "/new", "/old", "/old"])
      ages.push(
        fieldValues(await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`)), "age"),
      );
    assert.deepEqual(ages, [[], ["0"], ["7"], ["7"]]);
  },
);

test("HEADs with other targets, hosts or unknown fields do not share; the client's address and agent do not matter", async (t) => {
  const origin = await startOrigin(t, text("hello"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: SHARE });
  const requests: readonly (readonly [start: string, lines: readonly string[], asked: number])[] = [
    ["HEAD /x", [], 1],
    ["HEAD /y", [], 1],
    ["HEAD /x?", [], 1],
    ["HEAD /x", ["Host: b.example"], 1],
    ["HEAD http://b.example/x", [], 0],
    ["HEAD /x HTTP/1.0", [], 0],
    ["HEAD /x", ["X-Api-Key: 1"], 1],
    ["HEAD /x", ["X-Api-Key: 2"], 1],
    ["HEAD /x", ["x-api-key: 2"], 0],
    ["HEAD /x", ["X-Forwarded-Proto: https"], 1],
    ["HEAD /x", ["X-Forwarded-For: 192.0.2.1", "User-Agent: a", "Accept: */*"], 0],
    ["HEAD /x", ["X-Forwarded-For: 192.0.2.2", "User-Agent: b", "X-Request-Id: r"], 0],
  ];
  for (const [start, lines, asked] of requests) {
    const before = origin.arrivals.length;
    const answer = await sendRequest(t, sidecar.port, toRequest(start, lines));
    assert.equal(answer.status, 200);
    assert.equal(origin.arrivals.length - before, asked, `${start} ${lines.join()}`);
  }
});

testOverVersions(
  "forwarding fields of an untrusted client do not equal those of a trusted one",
  async (t, over) => {
    const origin = await startOrigin(t, text("hello"));
    const yaml = `${SHARE}\nforwarded: { trust: [192.0.2.1] }`;
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    for (const proto of ["https", "http", "https"])
      await over.sendRequest(
        t,
        sidecar.port,
        toRequest("HEAD /x", [`X-Forwarded-Proto: ${proto}`]),
      );
    const protos = origin.arrivals.map((request) =>
      fieldValues(request, "x-forwarded-proto").join(),
    );
    assert.deepEqual(protos, ["http", "http"]);
  },
);

testOverVersions(
  "a response is for HEADs with equal fields in what its Vary names",
  async (t, over) => {
    const origin = await startOrigin(t, (request) => {
      const language = fieldValues(request, "accept-language").join();
      return text("hello", ["Vary: accept-language, Accept-Encoding", `X-L: ${language}`])(request);
    });
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    const cases = ["", "de", "en", "de", "", "fr", "en"];
    for (const language of cases) {
      const lines = language === "" ? [] : [`Accept-Language: ${language}`];
      const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x", lines));
      assert.deepEqual(fieldValues(answer, "x-l"), [language]);
    }
    assert.equal(origin.arrivals.length, 4);
  },
);

test("HEADs that waited for a response that varies otherwise are sent at once on their own", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head(["Accept-Language: de"])];
  await held.origin.arrival(0);
  for (const language of ["de", "en", "fr"])
    wires.push(await held.head([`Accept-Language: ${language}`]));
  await held.inFlight(4);
  release(held.origin.arrivals[0], ["Vary: Accept-Language", "X-N: 0", "Content-Length: 0"]);
  await held.origin.arrival(2); // both have arrived before one gets its response
  for (const request of held.origin.arrivals.slice(1)) {
    const language = fieldValues(request, "accept-language").join();
    release(request, ["Vary: Accept-Language", `X-N: ${language}`, "Content-Length: 0"]);
  }
  const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
  assert.deepEqual(
    answers.map((answer) => fieldValues(answer, "x-n").join()),
    ["0", "0", "en", "fr"],
  );
});

testOverVersions(
  "after a request that may change its target, and after a reload, headgate sends HEADs again",
  async (t, over) => {
    const origin = await startOrigin(t, text("hello"));
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    const askedFor = async (start: string): Promise<number> => {
      const before = origin.arrivals.length;
      await over.sendRequest(t, sidecar.port, toRequest(start));
      return origin.arrivals.length - before;
    };
    for (const target of ["/x", "/y"]) assert.equal(await askedFor(`HEAD ${target}`), 1);
    await askedFor("GET /x");
    assert.equal(await askedFor("HEAD /x"), 0);
    await askedFor("DELETE /x");
    assert.equal(await askedFor("HEAD /x"), 1);
    assert.equal(await askedFor("HEAD /x"), 0);
    assert.equal(await askedFor("HEAD /y"), 0);
    sidecar.app.reload({ ...sidecar.config, requestId: "forward" });
    assert.equal(await askedFor("HEAD /y"), 1);
  },
);

test("a request that may change its target clears it under every name and spelling", async (t) => {
  // Symptom: a POST whose Host or path was spelled otherwise did not clear the stored response, and HEADs got an outdated one.
  // Root cause: both were compared byte for byte. Fix: the cache key has the normal form of host and target.
  const origin = await startOrigin(t, text("hello"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: SHARE });
  const spellings: readonly (readonly [start: string, host: string])[] = [
    ["POST /a/~x?q=~1", "B.EXAMPLE"],
    ["POST /a/~x?q=~1", "b.example."],
    ["POST /a/~x?q=~1", "b.example:80"],
    ["POST http://B.example:80/a/~x?q=~1", "other.example"],
    ["POST /a/%7ex?q=%7E1", "b.example"],
    ["POST /a/./y/..//%7Ex?q=%7e1", "b.example"],
  ];
  for (const [start, host] of spellings) {
    const head = toRequest("HEAD /a/~x?q=~1", ["Host: b.example"]);
    const other = toRequest("HEAD /a/~x?q=2", ["Host: b.example"]);
    for (const request of [head, other]) await sendRequest(t, sidecar.port, request);
    const before = origin.arrivals.length;
    await sendRequest(t, sidecar.port, toRequest(start, [`Host: ${host}`, "Content-Length: 0"]));
    await sendRequest(t, sidecar.port, head);
    assert.equal(origin.arrivals.length - before, 2, `${start} ${host}`);
    await sendRequest(t, sidecar.port, other);
    assert.equal(origin.arrivals.length - before, 2, "another target is still known");
  }
});

testOverVersions(
  "HEADs with another spelling of host or target do not share, as the backend may use the name in its response",
  async (t, over) => {
    const script: Script = (request) =>
      text("hello", [`X-Host: ${fieldValues(request, "host").join()}`])(request);
    const origin = await startOrigin(t, script);
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    for (const host of ["b.example", "B.EXAMPLE", "b.example.", "b.example:80", "b.example"]) {
      const answer = await over.sendRequest(
        t,
        sidecar.port,
        toRequest("HEAD /x", [`Host: ${host}`]),
      );
      assert.deepEqual(fieldValues(answer, "x-host"), [host]);
    }
    for (const path of ["/%7Ex", "/~x", "/%7ex"])
      await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${path}`, ["Host: b.example"]));
    assert.equal(origin.arrivals.length, 7);
  },
);

test("equal HEADs that waited for a response that varies otherwise are sent again together", async (t) => {
  // Symptom: if a response's Vary set waiting HEADs apart, all of them were sent at once, each alone.
  // Root cause: a response that was not for them counted as a target that cannot be shared. Fix: they are grouped again by the fields in
  // that Vary.
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head(["Accept-Language: de"])];
  await held.origin.arrival(0);
  for (let round = 0; round < 5; round += 1)
    for (const language of ["en", "fr"])
      wires.push(await held.head([`Accept-Language: ${language}`]));
  await held.inFlight(11);
  const answer = (index: number): void =>
    release(held.origin.arrivals[index], ["Vary: Accept-Language", "Content-Length: 0"]);
  answer(0);
  await held.origin.arrival(2);
  await held.inFlight(10);
  for (const index of [1, 2]) answer(index);
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal(held.origin.arrivals.length, 3);
});

testOverVersions(
  "a client whose responses vary otherwise does not clear the others' responses",
  async (t, over) => {
    // Symptom: a backend that says `Vary: Origin` only to those who send one was asked again by all the others after each of these.
    // Cause: one Vary a target was remembered, the last. Fix: an answer is found by its own Vary (RFC 9111 §4.1).
    const script: Script = (request) => {
      const origins = fieldValues(request, "origin");
      return text("hello", origins.length === 0 ? [] : ["Vary: Origin, Accept"])(request);
    };
    const origin = await startOrigin(t, script);
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    for (let round = 0; round < 3; round += 1) {
      await over.sendRequest(t, sidecar.port, toRequest("HEAD /x", [`User-Agent: ${round}`]));
      await over.sendRequest(t, sidecar.port, toRequest("HEAD /x", ["Origin: http://a.example"]));
    }
    assert.equal(origin.arrivals.length, 2);
  },
);

testOverVersions(
  "the log line of a shared response marks it; no request was sent and there was no body",
  async (t, over) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(`${toHead("404 Not Found", ["Content-Length: 2"])}no`);
    });
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    for (let round = 0; round < 2; round += 1)
      await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
    const asked = await sidecar.line((line) => line["head"] === "convert");
    assert.deepEqual([asked["body"], asked["upstream_method"]], ["drained", "GET"]);
    const line = await sidecar.line((one) => one["head"] === "shared");
    assert.deepEqual(
      [line["body"], line["bytes_drained"], line["upstream_method"], line["upstream_ms"]],
      ["none", 0, undefined, undefined],
    );
    assert.equal(line["http.response.status_code"], 404);
    const metrics = await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`);
    assert.match(
      await metrics.text(),
      /^headgate_requests_total\{route="default",method="HEAD",code="404",head="shared"\} 1$/m,
    );
  },
);
