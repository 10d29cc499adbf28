/** WebSockets over HTTP/2 (RFC 8441): an extended CONNECT becomes an upgrade, and its stream the client's side of the tunnel. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import test, { type TestContext } from "node:test";

import { GET, TYPE, openFrames, toFrame, toHeaders } from "../support/frames.ts";
import { LISTEN_HTTP2, openSession, readStream, send } from "../support/http2.ts";
import { type Arrival, type Script, startOrigin } from "../support/origin.ts";
import { text, toHead } from "../support/responses.ts";
import { startSidecar } from "../support/sidecar.ts";

function accept(request: Arrival): string {
  const [key = ""] = request.lines
    .filter((line) => line.startsWith("Sec-WebSocket-Key: "))
    .map((line) => line.slice("Sec-WebSocket-Key: ".length));
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** Switches, and sends back what comes, until the client ends. */
const echoing: Script = (request) => {
  request.takeOver();
  const { socket } = request.connection;
  const lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: chat"];
  request.write(
    toHead("101 Switching Protocols", [...lines, `Sec-WebSocket-Accept: ${accept(request)}`]),
  );
  request.write("hello");
  socket.on("data", (bytes) => request.write(bytes));
  socket.once("end", () => request.end());
};

async function start(t: TestContext, script: Script) {
  const origin = await startOrigin(t, script);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: LISTEN_HTTP2 });
  const session = openSession(t, sidecar.port);
  await once(session, "remoteSettings");
  return { origin, sidecar, session };
}

function open(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":authority": "a.example",
    ":path": "/chat",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "chat",
  });
  stream.on("error", () => undefined);
  return stream;
}

async function statusOf(stream: ClientHttp2Stream) {
  const [headers] = (await once(stream, "response")) as [Record<string, string | number>];
  return headers;
}

test("headgate says that it serves extended CONNECT", async (t) => {
  const { session } = await start(t, text("ok"));
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
});

test("an extended CONNECT becomes an upgrade, its 101 a 200, and bytes pass both ways until both ends end", async (t) => {
  const { origin, sidecar, session } = await start(t, echoing);
  const stream = open(session);
  const headers = await statusOf(stream);
  assert.equal(headers[":status"], 200);
  assert.equal(headers["sec-websocket-protocol"], "chat");
  for (const name of ["upgrade", "connection", "sec-websocket-accept"])
    assert.equal(headers[name], undefined);
  const arrival = await origin.arrival(0);
  assert.equal(arrival.start, "GET /chat HTTP/1.1");
  assert.ok(arrival.lines.includes("sec-websocket-version: 13"));
  assert.ok(arrival.lines.includes("Upgrade: websocket"));
  assert.ok(arrival.lines.includes("Connection: Upgrade"));
  let received = "";
  stream.on("data", (chunk: Buffer) => (received += chunk.toString()));
  stream.write("ping");
  while (received !== "helloping") await once(stream, "data");
  stream.end();
  await once(stream, "close");
  assert.equal(stream.rstCode, 0);
  const line = await sidecar.line((one) => one["url.path"] === "/chat");
  assert.deepEqual([line["msg"], line["http.response.status_code"]], ["tunnel", 101]);
});

test("an upstream that has not read the key is a 502", async (t) => {
  for (const proof of ["", "Sec-WebSocket-Accept: x"]) {
    const { session } = await start(t, (request) => {
      request.takeOver();
      const lines = ["Connection: Upgrade", "Upgrade: websocket", proof];
      request.write(
        toHead(
          "101 Switching Protocols",
          lines.filter((line) => line !== ""),
        ),
      );
    });
    const stream = open(session);
    const response = readStream(stream);
    stream.end();
    assert.equal((await response).status, 502);
  }
});

test("a refusal passes, but a 2xx in place of the 101 is a 502: the client would take it for the WebSocket", async (t) => {
  for (const [sent, expected] of [
    ["403 Forbidden", 403],
    ["200 OK", 502],
    ["204 No Content", 502],
    ["302 Found", 302],
  ] as const) {
    const { session } = await start(t, async (request) => {
      await request.completed;
      request.write(toHead(sent, sent.startsWith("204") ? [] : ["Content-Length: 0"]));
    });
    const stream = open(session);
    const response = readStream(stream);
    stream.end();
    assert.equal((await response).status, expected);
  }
});

test("a reset of one side resets the other, and other streams go on", async (t) => {
  const { origin, sidecar, session } = await start(t, (request) =>
    request.target === "/chat" ? echoing(request) : text("ok")(request),
  );
  // By frames, because node:http2 as a client sends END_STREAM before RST_STREAM.
  const wire = await openFrames(t, sidecar.port);
  const protocol: readonly (readonly [string, string])[] = [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
  ];
  const target: readonly (readonly [string, string])[] = [[":path", "/chat"]];
  wire.write(toHeaders(1, [...protocol, ...GET.slice(1, 3), ...target], 0));
  await wire.frame(({ type }) => type === TYPE.data);
  wire.write(toFrame(TYPE.rstStream, 0, 1, Buffer.from([0, 0, 0, 8])));
  assert.equal(await (await origin.connection(0)).closed, "reset");
  const second = open(session);
  await statusOf(second);
  (await origin.arrival(1)).reset();
  const { resetCode, isComplete } = await readStream(second);
  assert.deepEqual([resetCode, isComplete], [2, false]);
  assert.equal((await send(session)).status, 200);
});

test("another protocol than websocket is not served", async (t) => {
  const { origin, session } = await start(t, text("ok"));
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "connect-udp",
    ":scheme": "http",
    ":authority": "a.example",
    ":path": "/",
  });
  const response = readStream(stream);
  stream.on("error", () => undefined).end();
  assert.equal((await response).status, 501);
  assert.equal(origin.arrivals.length, 0);
});
