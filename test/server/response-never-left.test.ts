/**
 * A response that never left was not sent.
 *
 * Symptom: if a client disconnected just before its response, the log and `headgate_requests_total` had "200", a HEAD counted as rescued,
 * and a GET with a short response was no abort, although not a byte had reached the client. Root cause: `headersSent` was set when the
 * header section was built. The section leaves at the end of the turn, and Node drops what is written to a destroyed socket.
 * Fix: a finished response has sent its header section only if headgate wrote it to an open connection.
 */

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import test, { type TestContext } from "node:test";

import { type Exchange, beginExchange } from "../../src/http/exchange.ts";
import { endExchange } from "../../src/proxy/exchange-end.ts";
import type { ServerRequest, ServerResponse } from "../../src/server/server-handler.ts";
import { listen } from "../support/server.ts";

/** Responds to a client that then resets its connection, and resolves with whether the header section was sent. */
async function respond(
  t: TestContext,
  write: (request: ServerRequest, response: ServerResponse) => Promise<void> | void,
): Promise<boolean> {
  const client = new Socket().on("error", () => undefined);
  t.after(() => client.destroy());
  let onOver: (wasSent: boolean) => void;
  const over = new Promise<boolean>((resolve) => void (onOver = resolve));
  const { port } = await listen(t, (request, response) => {
    response.onOver(() => onOver(response.headersSent));
    void write(request, response);
    client.resetAndDestroy();
  });
  client.connect(port, "127.0.0.1", () => client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  return over;
}

test("a response that waits for the end of the turn when its client disconnects was not sent", async (t) => {
  const sent = await respond(t, (_request, response) => response.writeHead(200, "OK", []));
  assert.equal(sent, false);
});

test("a response that is written after its client's connection ended was not sent", async (t) => {
  const sent = await respond(t, async (request, response) => {
    while (!request.peer.isClosed()) await nextTurn();
    response.writeHead(200, "OK", []);
    response.end("body");
  });
  assert.equal(sent, false);
});

test("a response whose header section has left was sent", async (t) => {
  const sent = await respond(t, (_request, response) => {
    response.writeHead(200, "OK", []);
    response.flushHead();
  });
  assert.equal(sent, true);
});

/*
 * Symptom: a client that had closed its side got its HEAD's response completely, and counted as an abort. Root cause: its end was seen in
 * the turn in which the response waited to be written, and only a GET's length was checked. Fix: a response that was sent completely is no
 * abort.
 */
test("a client that ends its side and gets the complete response is no abort", async (t) => {
  const client = new Socket().on("error", () => undefined);
  t.after(() => client.destroy());
  let onOver: (exchange: Exchange) => void;
  const over = new Promise<Exchange>((resolve) => void (onOver = resolve));
  const { port } = await listen(t, (request, response) => {
    const exchange = beginExchange(request, "id", 0);
    response.onGone((error) => {
      exchange.error = error;
      response.end();
    });
    response.onOver(() => {
      endExchange(exchange, response, exchange.error);
      onOver(exchange);
    });
    response.writeHead(200, "OK", ["Content-Length", "5"]);
  });
  client
    .resume()
    .connect(port, "127.0.0.1", () => client.end("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
  const { status, error } = await over;
  assert.deepEqual([status, error], [200, undefined]);
});
