/**
 * A response without a length that ends in a reset is not complete.
 *
 * Symptom: `npm run chaos` saw complete responses of which a part was missing: those that end with the connection, of an upstream that
 * reset it. Root cause: libuv reports a reset that comes together with data as an orderly end, and RFC 9112 §8 makes that the end of the
 * content. Fix: before headgate accepts such a response as complete, it makes a zero-length write to the upstream; the kernel refuses even
 * that if the connection was reset.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { createServer } from "node:tls";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { listenOn } from "../support/listen.ts";
import { MessageError } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a response without a length that is reset is truncated for the client", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write("HTTP/1.1 200 OK\r\n\r\nhalf of it");
    request.reset();
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, sidecar.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  await assert.rejects(client.readResponse(), MessageError);
  const line = await sidecar.line((each) => each["url.path"] === "/x");
  assert.equal(line["error.type"], "http_response_incomplete");
});

test("a response without a length that ends in order is complete", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write("HTTP/1.1 200 OK\r\n\r\nall of it");
    request.end();
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, sidecar.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).body.toString(), "all of it");
});

test("a response without a length that ends in order over TLS is complete", async (t) => {
  const server = createServer({ cert: CERTIFICATE, key: KEY }, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
  });
  const url = `https://127.0.0.1:${await listenOn(t, server)}`;
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${url}", tls: { verify: false } }\n`,
  });
  const client = await openWire(t, sidecar.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).body.toString(), "all of it");
});
