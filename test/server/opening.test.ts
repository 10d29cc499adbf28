// The beginning of a connection on a socket that knows its end together with its last bytes: no event tells the next reader.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import test from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { createOpening, readOpening } from "../../src/server/opening.ts";
import { peek } from "../../src/server/peek.ts";

function toEnded(bytes: string): Socket {
  const stream = new Readable({ read: () => undefined });
  stream.push(bytes);
  stream.push(null); // oxlint-disable-line unicorn/no-null -- how a stream is told its end
  return stream as Socket;
}

const takeAll = (bytes: Buffer) => ({ meaning: bytes.toString(), length: bytes.length });

test("a reader behind the last byte is told that nothing comes", async () => {
  const socket = toEnded("PROXY UNKNOWN\r\n");
  assert.equal(await peek(socket, takeAll), "PROXY UNKNOWN\r\n");
  await nextTurn(); // the stream ends meanwhile
  assert.equal(await peek(socket, takeAll), undefined);
});

test("a connection that ends with its PROXY protocol header is not served", async () => {
  const socket = toEnded("PROXY UNKNOWN\r\n");
  const proxyProtocol = { isRequired: true, isTrusted: () => true };
  const opening = createOpening(socket, 1_000, () => undefined);
  const accepted = new Promise((resolve) => {
    // As from an event of the socket: then the stream ends before what waits for the header goes on.
    process.nextTick(() =>
      resolve(readOpening(socket, { proxyProtocol, tls: undefined, http2: false }, opening)),
    );
  });
  assert.equal(await accepted, undefined);
});
