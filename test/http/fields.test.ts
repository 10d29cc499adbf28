import assert from "node:assert/strict";
import test from "node:test";

import { filterFields, findField } from "../../src/http/fields.ts";
import { readResponseFields } from "../../src/http/response-fields.ts";
import { readRequestFields } from "../../src/http/request-fields.ts";
import { toFields } from "../support/fields.ts";
import { refuses } from "../support/refusal.ts";

const request = (...lines: string[]) => readRequestFields(toFields(lines), "1.1");
const response = (...lines: string[]) => readResponseFields(toFields(lines));

test("end-to-end fields of a request keep order, case, duplicates and bytes", () => {
  const lines = [
    "X-b: 2",
    "x-B: \xe9",
    "Accept: a",
    "ACCEPT: b",
    "X-b:",
    "Cookie: a=1",
    "cookie: b=2",
    "__proto__: x",
    "constructor: y",
  ];
  assert.deepEqual(request(...lines).endToEnd, toFields(lines));
});

test("end-to-end fields of a response keep order, case, duplicates and bytes", () => {
  const lines = [
    "Set-Cookie: a",
    "X: \xe9",
    "set-cookie: b",
    "Date: now",
    "Set-Cookie: a",
    "__proto__: x",
  ];
  assert.deepEqual(response(...lines).endToEnd, toFields(lines));
});

for (const name of [
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "TE",
  "Upgrade",
  "Transfer-Encoding",
  "Trailer",
  "Expect",
]) {
  test(`${name} of a request is hop-by-hop even if Connection does not name it`, () => {
    const value = name === "Transfer-Encoding" ? "chunked" : "x";
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      assert.deepEqual(
        request("A: 1", `${spelled}: ${value}`, "B: 2").endToEnd,
        toFields(["A: 1", "B: 2"]),
      );
    }
  });
}

test("TE of a request counts only for trailers", () => {
  for (const te of ["trailers", "Trailers", "gzip;q=0.5, trailers", "trailers,deflate"])
    assert.equal(request(`TE: ${te}`).takesTrailers, true, te);
  for (const te of ["", "gzip", "trailers;q=1", "xtrailers", '"trailers"'])
    assert.equal(request(`TE: ${te}`).takesTrailers, false, te);
  assert.equal(request("TE: gzip", "TE: trailers", "TE: x").takesTrailers, true);
  assert.equal(readRequestFields(["TE", "trailers"], "1.0").takesTrailers, false);
});

test("Trailer stays only beside chunked content", () => {
  const coding = "Transfer-Encoding: chunked";
  assert.deepEqual(request("Trailer: a", coding, "trailer: b").endToEnd, [
    "Trailer",
    "a",
    "trailer",
    "b",
  ]);
  assert.deepEqual(request("Trailer: a", "Content-Length: 3").endToEnd, ["Content-Length", "3"]);
});

for (const name of [
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "TE",
  "Upgrade",
  "Transfer-Encoding",
]) {
  test(`${name} of a response is hop-by-hop`, () => {
    const value = name === "Transfer-Encoding" ? "Chunked" : "x";
    assert.deepEqual(
      response("A: 1", `${name.toUpperCase()}: ${value}`, "B: 2").endToEnd,
      toFields(["A: 1", "B: 2"]),
    );
  });
}

test("fields that Connection names are removed, in every spelling and position", () => {
  const { endToEnd } = request(
    "x-one: 1",
    "connection: X-ONE ,,\tX-Two",
    "X-Two: 2",
    "X-two: 3",
    "CONNECTION:",
    "Connection: x-three",
    "X-Three: 4",
    "X-Four: 5",
  );
  assert.deepEqual(endToEnd, ["X-Four", "5"]);
  assert.deepEqual(response("x-one: 1", "Connection: X-One", "X-Two: 2").endToEnd, ["X-Two", "2"]);
});

test("a field whose name only contains a named one stays", () => {
  assert.deepEqual(
    request("Connection: x", "X-Y: 1", "Y-X: 2").endToEnd,
    toFields(["X-Y: 1", "Y-X: 2"]),
  );
});

test("close, keep-alive and Upgrade in Connection remove no other field", () => {
  assert.deepEqual(request("Connection: close, keep-alive, Upgrade", "A: 1").endToEnd, ["A", "1"]);
});

test("Connection cannot remove a request's host, framing or Content-Encoding", () => {
  const kept = [
    "Content-Length: 3",
    "Content-Type: a/b",
    "Content-Encoding: gzip",
    "Content-Range: bytes 0-2/3",
  ];
  const read = request(
    "Connection: Host, content-LENGTH, Content-Type, Content-Encoding, Content-Range, close",
    "Host: h",
    ...kept,
  );
  assert.deepEqual(read, {
    endToEnd: toFields(["Host: h", ...kept]),
    hosts: ["h"],
    framing: "length",
    contentLength: 3,
    takesTrailers: false,
    expects: "nothing",
    connection: "Host, content-LENGTH, Content-Type, Content-Encoding, Content-Range, close",
    upgrade: undefined,
  });
});

test("Connection cannot remove a request's chunked framing", () => {
  assert.equal(
    request("Connection: Transfer-Encoding", "Transfer-Encoding: chunked").framing,
    "chunked",
  );
});

test("Connection cannot remove a response's Content-Length", () => {
  const read = response("Content-Length: 3", "Connection: Content-Length");
  assert.deepEqual([read.endToEnd, read.contentLength], [["Content-Length", "3"], 3]);
});

test("Host fields are counted, and stay in their place", () => {
  const lines = ["host: a", "A: 1", "HOST: b", "Host:"];
  const read = request(...lines);
  assert.deepEqual([read.hosts, read.endToEnd], [["a", "b", ""], toFields(lines)]);
});

test("a request without framing has no content", () => {
  assert.equal(request("A: 1").framing, "none");
});

test("an Upgrade counts only if Connection names it", () => {
  assert.equal(request("Upgrade: websocket").upgrade, undefined);
  assert.equal(request("Upgrade: websocket", "Connection: keep-alive").upgrade, undefined);
  assert.deepEqual(request("Upgrade: a", "Connection: keep-alive, upGrade", "Upgrade: b").upgrade, {
    protocols: "a, b",
    option: "upGrade",
  });
  assert.equal(request("Upgrade: a", "Connection: x-upgrade, upgrade-x").upgrade, undefined);
});

test("an Upgrade in HTTP/1.0 means nothing", () => {
  assert.equal(
    readRequestFields(toFields(["Connection: Upgrade", "Upgrade: websocket"]), "1.0").upgrade,
    undefined,
  );
});

const CODINGS: readonly (readonly [status: number, ...codings: string[]])[] = [
  [501, "gzip, chunked"],
  [400, "chunked, gzip"],
  [501, "gzip"],
  [501, "identity"],
  [501, "xchunked"],
  [400, "chunked;q=1"],
  [400, "chunked,"],
  [400, ",chunked"],
  [400, "chunked, chunked"],
  [400, "chunked", "chunked"],
  [400, "chunked", "identity"],
  [501, "identity", "chunked"],
  [400, "\x0bchunked"],
];

for (const [status, ...codings] of CODINGS) {
  const lines = codings.map((coding) => ["Transfer-Encoding", coding]);
  test(`a request in ${JSON.stringify(codings)} is refused with ${status}, such a response with 502`, () => {
    refuses(() => readRequestFields(lines.flat(), "1.1"), status);
    refuses(() => readResponseFields(lines.flat()), 502, "http_response_transfer_coding");
  });
}

test("chunked in HTTP/1.0 is refused with 400", () => {
  refuses(() => readRequestFields(["Transfer-Encoding", "chunked"], "1.0"), 400);
});

const FRAMINGS: readonly (readonly string[])[] = [
  ["Content-Length: 3", "Transfer-Encoding: chunked"],
  ["Transfer-Encoding: chunked", "Content-Length: 3"],
  ["Content-Length: 3", "Content-Length: 4"],
  ["Content-Length: 3", "content-length: 3"],
];

for (const lines of FRAMINGS) {
  test(`a request with ${lines.join(" and ")} is refused with 400`, () => {
    refuses(() => request(...lines), 400);
  });
}

for (const length of [
  "",
  "+1",
  "-1",
  "0x1",
  "1 1",
  "1, 1",
  "1.0",
  "1e3",
  "9007199254740993",
  "18446744073709551616",
  "\xb2",
]) {
  test(`a Content-Length of ${JSON.stringify(length)} is refused with 400`, () => {
    refuses(() => readRequestFields(["Content-Length", length], "1.1"), 400);
  });
}

for (const length of ["0", "1", "1099511627776", "999999999999999"]) {
  test(`a Content-Length of ${length} is a request's framing and is sent upstream`, () => {
    const { framing, endToEnd } = request(`Content-Length: ${length}`);
    const frames = Number(length) === 0 ? "none" : "length"; // a Content-Length of 0 frames no content
    assert.deepEqual([framing, endToEnd], [frames, ["Content-Length", length]]);
  });
}

test("a response's framing is read from its fields", () => {
  assert.deepEqual(response("Content-Length: 12"), {
    endToEnd: ["Content-Length", "12"],
    chunked: false,
    trailer: false,
    contentLength: 12,
    eventStream: false,
    connection: "",
    keepAlive: "",
    upgrade: "",
  });
  const hop = [
    "Connection: x",
    "Keep-Alive: timeout=5",
    "connection: y",
    "Upgrade: h2",
    "upgrade: z",
  ];
  assert.deepEqual(response("Transfer-Encoding: CHUNKED", "Trailer: x", ...hop), {
    endToEnd: ["Trailer", "x"],
    chunked: true,
    trailer: true,
    contentLength: undefined,
    eventStream: false,
    connection: "x,y",
    keepAlive: "timeout=5",
    upgrade: "h2, z",
  });
});

for (const [value, expected] of [
  ["text/event-stream", true],
  ["Text/Event-Stream; charset=utf-8", true],
  ["text/event-streams", false],
  ["application/json; x=text/event-stream", false],
] as const) {
  test(`Content-Type ${value} is ${expected ? "an" : "no"} event stream`, () => {
    assert.equal(response(`Content-Type: ${value}`).eventStream, expected);
  });
}

test("fields are filtered by lower-case name and otherwise left alone", () => {
  assert.deepEqual(
    filterFields(toFields(["A: 1", "b: 2", "a: 3", "C: 4"]), (name) => name !== "a"),
    toFields(["b: 2", "C: 4"]),
  );
});

test("a field is found by any spelling of its name, the first one first", () => {
  const fields = toFields(["X-AB: 1", "x-a: 2", "X-A: 3", "E:"]);
  assert.equal(findField(fields, "x-a"), "2");
  assert.equal(findField(fields, "e"), "");
  assert.equal(findField(fields, "2"), undefined);
});
