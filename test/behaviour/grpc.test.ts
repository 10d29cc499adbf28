/** gRPC over HTTP/2 (its protocol is in gRPC's PROTOCOL-HTTP2.md): what passes before a backend of HTTP/1.1, and what happens before another. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type ClientHttp2Stream, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import test, { type TestContext } from "node:test";

import { LISTEN_HTTP2, openSession, openStream, readStream, send } from "../support/http2.ts";
import { startSidecar } from "../support/sidecar.ts";

const PATH = "/helloworld.Greeter/SayHello";
const CALL = {
  method: "POST",
  path: PATH,
  lines: ["te: trailers", "content-type: application/grpc", "grpc-timeout: 60S"],
};

async function serve(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Service = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Starts headgate before a backend of HTTP/1.1 that sends `grpc-status` as a trailer. */
async function start(t: TestContext, service: Service, yaml = "") {
  const server = createServer((request, response) => void service(request, response));
  t.after(() => server.closeAllConnections());
  const upstream = await serve(t, server);
  const sidecar = await startSidecar(t, { yaml: `${LISTEN_HTTP2}\n${toUpstream(upstream, yaml)}` });
  return { sidecar, session: openSession(t, sidecar.port) };
}

function toUpstream(url: string, settings: string): string {
  return `upstream: { url: "${url}"${settings} }`;
}

/** A message with its prefix: not compressed, and the length. */
function toMessage(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

/** Reads messages one by one, as they come. */
function readMessages(stream: ClientHttp2Stream | IncomingMessage): () => Promise<string> {
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  let unread = Buffer.alloc(0);
  return async () => {
    while (unread.length < 5 || unread.length < 5 + unread.readUInt32BE(1)) {
      const next = await chunks.next();
      if (next.done === true) return "";
      unread = Buffer.concat([unread, next.value]);
    }
    const end = 5 + unread.readUInt32BE(1);
    const message = unread.toString("utf8", 5, end);
    unread = unread.subarray(end);
    return message;
  };
}

function begin(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/grpc", trailer: "grpc-status" });
  response.flushHeaders();
}

function finish(response: ServerResponse, status = "0"): void {
  response.addTrailers({ "grpc-status": status, "grpc-message": "done" });
  response.end();
}

test("a unary call passes, with its fields, its message and its status", async (t) => {
  let received: IncomingMessage["headers"] = {};
  const { session } = await start(t, async (request, response) => {
    received = request.headers;
    const message = await readMessages(request)();
    begin(response);
    response.write(toMessage(`${request.method} ${request.url} ${message}`));
    finish(response);
  });
  const { status, body, trailers, isComplete } = await send(session, {
    ...CALL,
    body: toMessage("Ada"),
  });
  assert.deepEqual([status, isComplete], [200, true]);
  assert.deepEqual(body, toMessage(`POST ${PATH} Ada`));
  assert.deepEqual(trailers, ["grpc-status: 0", "grpc-message: done"]);
  const { te, "content-type": type, "grpc-timeout": timeout } = received;
  assert.deepEqual([te, type, timeout], ["trailers", "application/grpc", "60S"]);
});

test("a status without a message passes: in the header section, or in trailers alone", async (t) => {
  const { session } = await start(t, (request, response) => {
    request.resume();
    if (request.headers["x-how"] === "trailers") {
      begin(response);
      return finish(response, "5");
    }
    response.writeHead(200, { "content-type": "application/grpc", "grpc-status": "5" });
    response.end();
  });
  const head = await send(session, { ...CALL, body: toMessage("") });
  assert.ok(head.lines.includes("grpc-status: 5") && head.isComplete);
  const lines = [...CALL.lines, "x-how: trailers"];
  const last = await send(session, { ...CALL, lines, body: toMessage("") });
  assert.deepEqual([last.status, last.body.length, last.isComplete], [200, 0, true]);
  assert.deepEqual(last.trailers, ["grpc-status: 5", "grpc-message: done"]);
});

/** The backend sends each message when the client has read the one before: a message that is held anywhere would end the test. */
test("the messages of a server stream arrive one by one and in order, with pauses between them", async (t) => {
  let proceed = (): void => {};
  const { session } = await start(
    t,
    async (request, response) => {
      request.resume();
      begin(response);
      for (let number = 1; number <= 20; number += 1) {
        await new Promise<void>((resolve) => (proceed = resolve));
        response.write(toMessage(`message ${number}`));
      }
      await new Promise<void>((resolve) => (proceed = resolve));
      finish(response);
    },
    ", idleTimeout: 0s",
  );
  const stream = openStream(session, { ...CALL, body: "" });
  const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
  stream.end(toMessage("go"));
  await once(stream, "response");
  const next = readMessages(stream);
  for (let number = 1; number <= 20; number += 1) {
    if (number % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 300));
    proceed();
    assert.equal(await next(), `message ${number}`);
  }
  proceed();
  assert.equal(await next(), "");
  assert.equal((await trailers)[0]["grpc-status"], "0");
  assert.equal(stream.rstCode, 0);
});

test("a pause beyond idleTimeout breaks a stream off, without a status", async (t) => {
  const { session } = await start(
    t,
    (request, response) => {
      request.resume();
      begin(response);
      response.write(toMessage("one"));
    },
    ", idleTimeout: 200ms",
  );
  const { body, trailers, isComplete, resetCode } = await send(session, {
    ...CALL,
    body: toMessage("go"),
  });
  assert.deepEqual(body, toMessage("one"));
  assert.deepEqual([trailers, isComplete, resetCode], [[], false, 2]);
});

test("the messages of a client stream arrive one by one, before the response begins", async (t) => {
  let received: (message: string) => void = () => undefined;
  const { session } = await start(t, async (request, response) => {
    const next = readMessages(request);
    const all: string[] = [];
    for (let message = await next(); message !== ""; message = await next()) {
      all.push(message);
      received(message);
    }
    begin(response);
    response.write(toMessage(all.join(",")));
    finish(response);
  });
  const stream = openStream(session, { ...CALL, body: "" });
  const response = readStream(stream);
  for (const text of ["a", "b", "c"]) {
    const arrived = new Promise<string>((resolve) => (received = resolve));
    stream.write(toMessage(text));
    assert.equal(await arrived, text);
  }
  stream.end();
  const { body, trailers } = await response;
  assert.deepEqual(body, toMessage("a,b,c"));
  assert.equal(trailers[0], "grpc-status: 0");
});

test("a call in both directions passes: each message gets a response before the next one is sent", async (t) => {
  const { session } = await start(t, async (request, response) => {
    const next = readMessages(request);
    begin(response);
    for (let message = await next(); message !== ""; message = await next())
      response.write(toMessage(`re: ${message}`));
    finish(response);
  });
  const stream = openStream(session, { ...CALL, body: "" });
  const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
  stream.write(toMessage("0"));
  await once(stream, "response");
  const next = readMessages(stream);
  for (let number = 0; number < 20; number += 1) {
    assert.equal(await next(), `re: ${number}`);
    if (number < 19) stream.write(toMessage(String(number + 1)));
  }
  stream.end();
  assert.equal(await next(), "");
  assert.equal((await trailers)[0]["grpc-status"], "0");
});

test("a backend that breaks off before its status has none for the client either", async (t) => {
  const { session } = await start(t, (request, response) => {
    request.resume();
    begin(response);
    response.write(toMessage("one"), () => response.destroy());
  });
  const { trailers, isComplete, resetCode } = await send(session, { ...CALL, body: "" });
  assert.deepEqual([trailers, isComplete, resetCode], [[], false, 2]);
});

/** A backend with native gRPC speaks only HTTP/2, with prior knowledge. A client of gRPC reads a 502 as UNAVAILABLE. */
test("before a backend that speaks only HTTP/2, a call gets a 502", async (t) => {
  const calls: string[] = [];
  const backend = createHttp2Server((request, response) => {
    calls.push(request.url);
    response.end();
  });
  backend.on("sessionError", () => undefined);
  const url = await serve(t, backend);
  const sidecar = await startSidecar(t, { upstream: url, yaml: LISTEN_HTTP2 });
  const session = openSession(t, sidecar.port);
  const { status, lines, isComplete } = await send(session, { ...CALL, body: toMessage("Ada") });
  assert.deepEqual([status, isComplete], [502, true]);
  assert.ok(lines.includes("content-type: application/problem+json"));
  const line = await sidecar.line((one) => one["url.path"] === PATH);
  assert.deepEqual([line["error.type"], line["level"]], ["http_protocol_error", "warn"]);
  assert.deepEqual(calls, []);
});
