import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const HINTS = toHead("103 Early Hints", [
  "Link: </a.css>; rel=preload",
  "link: </b.js>",
  "X-Latin: é",
]);
const EMPTY = "Content-Length: 0";
const CONTINUE = toHead("100 Continue", []);
const FINAL = `${toHead("200 OK", ["Content-Length: 2"])}ok`;

function toBytes(message: string): string[] {
  return Array.from({ length: message.length }, (_, index) => message.charAt(index));
}

/** What a client gets, status by status, when the upstream sends `pieces`, each in its own segment. */
async function statuses(
  t: TestContext,
  pieces: readonly string[],
  method = "GET",
): Promise<number[]> {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    for (const piece of pieces) {
      request.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 3)); // lets the segment be read before the next one
    }
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const seen: number[] = [];
  wire.write(toRequest(`${method} /`));
  for (;;) {
    const { status } = await wire.readResponse(method);
    seen.push(status);
    if (status >= 200) break;
  }
  wire.halfClose();
  assert.equal((await wire.bytes.takeAll()).length, 0);
  return seen;
}

test("103 reaches the client before the response, its fields raw, its hop-by-hop and framing fields left out", async (t) => {
  let answer = (): void => {};
  const released = new Promise<void>((resolve) => (answer = resolve));
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(
      HINTS.replace(
        "\r\n\r\n",
        "\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: x\r\nContent-Length: 5\r\nTrailer: x\r\n\r\n",
      ),
    );
    await released;
    request.write(FINAL);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD", "POST"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest(`${method} /`));
    const interim = await wire.readResponse(method);
    assert.equal(interim.start, "HTTP/1.1 103 Early Hints");
    assert.deepEqual(interim.lines, ["Link: </a.css>; rel=preload", "link: </b.js>", "X-Latin: é"]);
    answer();
    assert.equal((await wire.readResponse(method)).status, 200);
  }
});

const COMBINATIONS: readonly (readonly [
  what: string,
  pieces: readonly string[],
  seen: readonly number[],
])[] = [
  ["a 100 that the client did not request", [CONTINUE, FINAL], [100, 200]],
  ["a 100 in one segment with the response", [CONTINUE + FINAL], [100, 200]],
  ["two 100s in one segment", [CONTINUE + CONTINUE + FINAL], [100, 100, 200]],
  ["a 100 after a 103 in one segment", [HINTS + CONTINUE + FINAL], [103, 100, 200]],
  ["a 103 after a 100", [CONTINUE + HINTS + FINAL], [100, 103, 200]],
  ["a 100 in two segments", ["HTTP/1.1 10", "0 Continue\r\n\r\n", FINAL], [100, 200]],
  ["a 100 split in its end", ["HTTP/1.1 100 Continue\r\n\r", `\n${FINAL}`], [100, 200]],
  ["a 103 byte by byte", [...toBytes(HINTS), FINAL], [103, 200]],
  ["a response byte by byte", toBytes(FINAL), [200]],
  [
    "102 and an unknown 1xx",
    [toHead("102 Processing", []) + toHead("199 Odd", ["A: b"]) + FINAL],
    [102, 199, 200],
  ],
];
for (const [what, pieces, seen] of COMBINATIONS) {
  for (const method of ["GET", "HEAD"]) {
    test(`${what} leaves a ${method} its response`, async (t) => {
      assert.deepEqual(await statuses(t, pieces, method), seen);
    });
  }
}

test("a body that begins like an interim response is a body", async (t) => {
  const body = `${CONTINUE}${toHead("103 Early Hints", [])}`;
  const origin = await startOrigin(t, text(body));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const _ of [1, 2]) {
    wire.write(toRequest("GET /"));
    assert.equal((await wire.readResponse()).body.toString(), body);
  }
});

for (const [what, flood] of Object.entries({
  "100": CONTINUE,
  "103": toHead("103 Early Hints", ["Link: </a>"]),
})) {
  for (const method of ["GET", "HEAD"]) {
    test(`a ${method} whose upstream endlessly sends ${what} is 502, after a bounded number of them`, async (t) => {
      const origin = await startOrigin(t, async (request) => {
        await request.completed;
        const { socket } = request.connection;
        const pump = (): void => {
          while (!socket.destroyed && socket.write(flood));
        };
        socket.on("drain", pump);
        pump();
        await request.connection.closed;
      });
      const sidecar = await startSidecar(t, { upstream: origin.url });
      const wire = await openWire(t, sidecar.port);
      wire.write(toRequest(`${method} /`));
      let interim = 0;
      let answer = await wire.readResponse(method);
      for (; answer.status < 200; interim += 1) answer = await wire.readResponse(method);
      assert.equal(answer.status, 502);
      const [status = ""] = fieldValues(answer, "proxy-status"); // the response to a HEAD has its request's id too
      assert.match(status, /^headgate; error=http_protocol_error(?:;|$)/);
      assert.ok(interim <= 100, `${interim} interim answers`);
      await (
        await origin.connection(0)
      ).closed;
    });
  }
}

test("a 101 that the client did not request is 502, and the bytes after it reach no client", async (t) => {
  const switched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw bytes";
  for (const method of ["GET", "HEAD"])
    assert.deepEqual(await statuses(t, [switched], method), [502]);
});

// Symptom: with `head: auto` the client got the interim responses of the refused HEAD, and then those of the GET. `range: probe` did the
// same with a probe that is repeated. Root cause: each interim response was relayed as it came. Fix: if a second request may follow,
// headgate holds those of the first, and sends them with its final response or not at all.
for (const [what, yaml, first, seen] of [
  ["a HEAD refused in mode auto", "head: auto", "405 No", ["103 </second>", "200"]],
  ["a HEAD served in mode auto", "head: auto", "200 OK", ["103 </first>", "103 </first>", "200"]],
  ["a probe that is repeated", "head: { range: probe }", "416 No", ["103 </second>", "200"]],
  [
    "a successful probe",
    "head: { range: probe }",
    "404 No",
    ["103 </first>", "103 </first>", "404"],
  ],
] as const) {
  test(`${what} has the interim responses of the request whose response the client gets`, async (t) => {
    let requests = 0;
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      requests += 1;
      const hint = (link: string): string => toHead("103 Early Hints", [`Link: ${link}`]);
      if (requests > 1) return request.write(hint("</second>") + toHead("200 OK", [EMPTY]));
      request.write(hint("</first>"));
      await new Promise((resolve) => setImmediate(resolve));
      request.write(hint("</first>") + toHead(first, [EMPTY]));
    });
    const { port } = await startSidecar(t, { upstream: origin.url, yaml });
    const wire = await openWire(t, port);
    wire.write(toRequest("HEAD /x"));
    const got: string[] = [];
    for (let status = 0; status < 200;) {
      const answer = await wire.readResponse("HEAD");
      ({ status } = answer);
      got.push([status, ...fieldValues(answer, "link")].join(" "));
    }
    assert.deepEqual(got, seen);
  });
}
