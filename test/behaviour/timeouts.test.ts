/** Each timeout of the route file works; the limits here are short, and nothing else would end the wait. */

import assert from "node:assert/strict";
import { type Socket, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { agreeing, text, toChunk, toHead } from "../support/responses.ts";
import { MEBIBYTE, pour } from "../support/flood.ts";
import { listenOn } from "../support/listen.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { SWITCHED, UPGRADE } from "../support/upgrade.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

test("connectTimeout: a TLS handshake that does not end is 504 connection_timeout", async (t) => {
  const port = await startSilent(t);
  const { client, line } = await start(
    t,
    `upstream: { url: "https://127.0.0.1:${port}", connectTimeout: 200ms }`,
  );
  client.write(GET);
  const answer = await client.readResponse();
  assert.equal(answer.status, 504);
  assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate; error=connection_timeout"]);
  await line((each) => each["error.type"] === "connection_timeout");
});

test("responseTimeout: a response that does not come is 504 http_response_timeout, for GET and HEAD", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { client } = await start(t, `upstream: { url: "${origin.url}", responseTimeout: 200ms }`);
  for (const method of ["GET", "HEAD"]) {
    client.write(`${method} /x HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await client.readResponse(method);
    assert.equal(answer.status, 504);
    const [proxyStatus = ""] = fieldValues(answer, "proxy-status");
    assert.match(proxyStatus, /^headgate; error=http_response_timeout(?:$|; details=)/);
    await (
      await origin.connection(origin.connections.length - 1)
    ).closed;
  }
});

test("responseTimeout: half a header section is no response", async (t) => {
  const origin = await startOrigin(t, (request) => request.write("HTTP/1.1 200 OK\r\nContent-Le"));
  const { client } = await start(t, `upstream: { url: "${origin.url}", responseTimeout: 200ms }`);
  client.write(GET);
  assert.equal((await client.readResponse()).status, 504);
});

test("responseTimeout: interim responses do not count", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    const timer = setInterval(() => request.write("HTTP/1.1 102 Processing\r\n\r\n"), 80);
    await request.connection.closed;
    clearInterval(timer);
  });
  const { client } = await start(t, `upstream: { url: "${origin.url}", responseTimeout: 300ms }`);
  client.write(GET);
  let answer = await client.readResponse();
  while (answer.status === 102) answer = await client.readResponse();
  assert.equal(answer.status, 504);
});

test("responseTimeout: it begins when the upload is complete", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  // The upload takes longer than the limit; the response is there a few turns later, which are far shorter than it.
  const { client } = await start(t, `upstream: { url: "${origin.url}", responseTimeout: 1s }`);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  for (const byte of "hello") {
    await new Promise((resolve) => {
      setTimeout(resolve, 250);
    });
    client.write(byte);
  }
  assert.equal((await client.readResponse()).status, 200);
});

test("responseTimeout: a route's own overrides the upstream's", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const routes = "routes: [{ path: /x, responseTimeout: 200ms }]";
  const { client } = await start(
    t,
    `upstream: { url: "${origin.url}", responseTimeout: 1h }\n${routes}`,
  );
  client.write(GET);
  assert.equal((await client.readResponse()).status, 504);
});

test("idleTimeout: a download on which the upstream is silent is truncated", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("beginning"));
  });
  const { client, line } = await start(t, `upstream: { url: "${origin.url}", idleTimeout: 200ms }`);
  client.write(GET);
  await client.bytes.take("beginning\r\n");
  await client.closed;
  assert.equal(client.bytes.unread().length, 0);
  await line((each) => each["error.type"] === "connection_read_timeout");
});

test("idleTimeout: a download that moves, however slowly, continues", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    request.write(toHead("200 OK", ["Content-Length: 8"]));
    for (const byte of "patience") {
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
      request.write(byte);
    }
  });
  const { client } = await start(t, `upstream: { url: "${origin.url}", idleTimeout: 500ms }`);
  client.write(GET);
  assert.equal((await client.readResponse()).body.toString(), "patience");
});

test("timeouts.idle: a client that stops reading its download is disconnected", async (t) => {
  const port = await startServer(t, (socket) => {
    socket.once("data", () => {
      socket.write(toHead("200 OK", [`Content-Length: ${100 * MEBIBYTE}`]));
      void pour(socket, 100 * MEBIBYTE);
    });
  });
  const { client, line } = await start(
    t,
    `upstream: { url: "http://127.0.0.1:${port}" }\ntimeouts: { idle: 200ms }`,
  );
  client.write(GET);
  await client.readHead();
  client.pause();
  await line((each) => each["error.type"] === "client_gone");
});

test("idleTimeout: a client that stops in the middle of its upload is 408", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { client } = await start(t, `upstream: { url: "${origin.url}", idleTimeout: 200ms }`);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  const answer = await client.readResponse();
  assert.equal(answer.status, 408);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
  await (
    await origin.connection(0)
  ).closed;
});

test("idleTimeout: a client that sends none of its content is 408 too", async (t) => {
  const origin = await startOrigin(
    t,
    agreeing(() => undefined),
  );
  for (const framing of [
    "Content-Length: 100",
    "Transfer-Encoding: chunked",
    "Content-Length: 9\r\nExpect: 100-continue",
  ]) {
    const { client } = await start(t, `upstream: { url: "${origin.url}", idleTimeout: 200ms }`);
    client.write(`POST /x HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    let answer = await client.readResponse();
    if (answer.status === 100) answer = await client.readResponse();
    assert.equal(answer.status, 408, framing);
  }
});

test("idleTimeout: an upstream that stops reading the upload is 504", async (t) => {
  const port = await startSilent(t);
  const { client } = await start(
    t,
    `upstream: { url: "http://127.0.0.1:${port}", idleTimeout: 300ms }`,
  );
  client.write(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${100 * MEBIBYTE}\r\n\r\n`);
  void pour(client.socket, 100 * MEBIBYTE);
  const answer = await client.readResponse();
  assert.equal(answer.status, 504);
  assert.deepEqual(fieldValues(answer, "proxy-status"), [
    "headgate; error=connection_write_timeout",
  ]);
  client.reset(); // or headgate would continue to read the upload for a while
});

test("timeouts.header: a header section that does not end in time is 408, and a silent connection is closed", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { header: 200ms }`);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  const answer = await client.readResponse();
  assert.equal(answer.status, 408);
  await client.closed;
  assert.equal(origin.connections.length, 0);
});

test("timeouts.header: single bytes do not extend it", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { header: 300ms }`);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  const timer = setInterval(() => client.write("a"), 50);
  t.after(() => clearInterval(timer));
  assert.equal((await client.readResponse()).status, 408);
  clearInterval(timer); // or headgate would continue to read for half a minute
});

test("timeouts.header: it starts anew with each request of a connection", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { header: 300ms }`);
  client.write(GET);
  assert.equal((await client.readResponse()).status, 200);
  client.write("GET /x HTTP/1.1\r\n");
  assert.equal((await client.readResponse()).status, 408);
});

test("timeouts.keepAlive: a client connection that is idle after a response is closed", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { keepAlive: 200ms }`);
  client.write(GET);
  assert.equal((await client.readResponse()).status, 200);
  await client.closed;
});

test("timeouts.upgrade: an upgrade without a response is 504", async (t) => {
  const origin = await startOrigin(t, (request) => void request.takeOver());
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { upgrade: 200ms }`);
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 504);
  await (
    await origin.connection(0)
  ).closed;
});

test("timeouts.tunnelIdle: a silent tunnel is closed", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.takeOver();
    request.write(SWITCHED);
  });
  const { client } = await start(t, `upstream: "${origin.url}"\ntimeouts: { tunnelIdle: 200ms }`);
  client.write(UPGRADE);
  await client.readHead();
  await client.closed;
  await (
    await origin.connection(0)
  ).closed;
});

async function start(t: TestContext, yaml: string) {
  const sidecar = await startSidecar(t, { yaml });
  return { ...sidecar, client: await openWire(t, sidecar.port) };
}

/** Accepts connections, and neither reads nor sends anything. */
function startSilent(t: TestContext): Promise<number> {
  return startServer(t, (socket) => void socket.pause());
}

async function startServer(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  return listenOn(t, server);
}
