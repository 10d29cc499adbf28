// How WebSockets begin: the handshake is between the client and the server, headgate only adds the client's address.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { startWebSockets } from "../support/websocket.ts";

test("an upgrade with Content-Length: 0 is an upgrade", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    );
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const lines = ["Content-Length: 0", "Connection: Upgrade", "Upgrade: tcp"];
  const { status } = await sendRequest(t, sidecar.port, toRequest("POST /attach", lines));
  assert.equal(status, 101);
  const arrival = await origin.arrival(0);
  assert.ok(arrival.lines.includes("Content-Length: 0"), "as Docker's client says it");
});

// Symptom: `h2c, websocket` was forwarded unchanged, and an upstream that chose h2c got a tunnel past every rule of the route file; an
// empty list requested a tunnel to nothing. Root cause: only a lone `h2c` was recognised. Fix: HTTP/2 is removed from the list.
test("unusual but legal openings send the same to the upstream, or are plain requests", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    if (!request.lines.some((line) => line.startsWith("Upgrade:"))) return text("plain")(request);
    request.takeOver();
    request.write(
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const cases: readonly (readonly [lines: string, sent: readonly string[]])[] = [
    ["Connection: upgrade\r\nUpgrade: WebSocket", ["Connection: upgrade", "Upgrade: WebSocket"]],
    ["UPGRADE: WEBSOCKET\r\nCONNECTION: UPGRADE", ["Connection: UPGRADE", "Upgrade: WEBSOCKET"]],
    [
      "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\nUpgrade: websocket",
      ["Connection: Upgrade", "Upgrade: foo/1, websocket"],
    ],
    [
      "Connection: keep-alive, Upgrade\r\nUpgrade: websocket, foo/1",
      ["Connection: Upgrade", "Upgrade: websocket, foo/1"],
    ],
    [
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\nHTTP2-Settings: AA",
      ["Connection: Upgrade", "Upgrade: websocket"],
    ],
    ["Upgrade: websocket", []],
    ["Connection: Upgrade", []],
    ["Connection: Upgrade\r\nUpgrade: ", []],
    ["Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA", []],
    ["HTTP/1.0", []],
  ];
  for (const [lines, sent] of cases) {
    const request =
      lines === "HTTP/1.0"
        ? "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        : `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;
    const client = await openWire(t, port);
    client.write(request);
    const response = await client.readResponse();
    assert.equal(response.status, sent.length === 0 ? 200 : 101, lines);
    if (sent.length > 0) {
      assert.ok(response.lines.includes("connection: upgrade"), lines);
      assert.ok(response.lines.includes("upgrade: websocket"), lines);
    }
    const told = origin.arrivals.at(-1)?.lines ?? [];
    assert.deepEqual(
      told.filter((line) => /^(?:connection|upgrade|http2-settings):/i.test(line)),
      sent,
      lines,
    );
    client.reset();
  }
});

test("the server chooses among the client's subprotocols, or none", async (t) => {
  const { open } = await startWebSockets(t, {
    handleProtocols: (offered) => (offered.has("v2") ? "v2" : false),
  });
  const chosen = await open(["v1", "v2", "v3"]);
  assert.equal(chosen.client.protocol, "v2");
  assert.equal(chosen.request.headers["sec-websocket-protocol"], "v1,v2,v3");
  const { client } = await open();
  assert.equal(client.protocol, "");
});

test("the handshake's fields reach the server unchanged, with the client's address", async (t) => {
  const { open } = await startWebSockets(t);
  const { request } = await open([], {
    origin: "https://app.example",
    headers: { Cookie: "a=1; b=2", Authorization: "Bearer x" },
  });
  assert.equal(request.url, "/chat?room=1");
  assert.equal(request.headers.origin, "https://app.example");
  assert.equal(request.headers.cookie, "a=1; b=2");
  assert.equal(request.headers.authorization, "Bearer x");
  assert.equal(request.headers["sec-websocket-version"], "13");
  assert.equal(request.headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(request.headers["x-forwarded-proto"], "http");
});

test("fields that the server adds to its 101 reach the client, several of one name too", async (t) => {
  const { server, connect } = await startWebSockets(t);
  server.on("headers", (lines: string[]) => lines.push("Set-Cookie: a=1", "Set-Cookie: b=2"));
  const client = connect();
  const [answer] = (await once(client, "upgrade")) as [IncomingMessage];
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
});

test("a refusal by the server reaches the client: status, fields and content", async (t) => {
  const { connect } = await startWebSockets(t, {
    verifyClient: (_info, decide) => decide(false, 401, "who are you", { "X-Why": "no token" }),
  });
  const client = connect();
  const [, answer] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(answer.statusCode, 401);
  assert.equal(answer.headers["x-why"], "no token");
  const [content] = (await once(answer.setEncoding("utf8"), "data")) as [string];
  assert.equal(content, "who are you");
});

test("a backend without WebSockets responds as to a GET", async (t) => {
  const origin = await startOrigin(t, text("a teapot", ["X-Kind: plain"]));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  const answer = await sendRequest(t, port, toRequest("GET /", fields));
  assert.equal(answer.status, 200);
  assert.ok(answer.lines.includes("X-Kind: plain"));
  assert.equal(answer.body.toString(), "a teapot");
});

test("for a backend that closes before its 101 the client gets a 502, not silence", async (t) => {
  const origin = await startOrigin(t, (request) => request.end());
  const { port } = await startSidecar(t, { upstream: origin.url });
  const fields = ["Connection: Upgrade", "Upgrade: websocket"];
  assert.equal((await sendRequest(t, port, toRequest("GET /", fields))).status, 502);
});

test("requests are served while WebSockets are open", async (t) => {
  const { open, sidecar } = await startWebSockets(t);
  await open();
  for (const method of ["GET", "HEAD"]) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`${method} /`));
    assert.equal(answer.status, 200);
  }
});
