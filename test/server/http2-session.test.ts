/** When a session of node:http2 may end: its streams, and nghttp2 reading frames, must not be left behind. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import test from "node:test";
import { setImmediate } from "node:timers/promises";

import { type OpenSession, openSession } from "../../src/server/http2/session.ts";
import { FLAG, GET, PREFACE, TYPE, toFieldBlock, toFrame, toHeaders } from "../support/frames.ts";

/** A session whose client's bytes arrive at once, in the turn in which the test gives them. */
function open(): { readonly opened: OpenSession; receive(bytes: Buffer): void } {
  const socket = new Duplex({
    read: () => undefined,
    write: (_bytes, _encoding, done: () => void) => done(),
  }) as Socket;
  const ignored = { onError: () => undefined, onLeave: () => undefined };
  const opened = openSession({ socket, transport: socket }, 16_384, ignored);
  return { opened, receive: (bytes) => void socket.push(bytes) };
}

async function begin(): Promise<ReturnType<typeof open>> {
  const session = open();
  session.receive(Buffer.concat([Buffer.from(PREFACE), toFrame(TYPE.settings, 0, 0)]));
  await once(session.opened.session, "remoteSettings");
  await setImmediate();
  return session;
}

/** Returns when the GOAWAY has left; no write is in progress, so a few turns are enough. */
async function close({ session, tryClose }: OpenSession): Promise<void> {
  for (let turn = 0; turn < 10 && !tryClose(); turn += 1) await setImmediate(); // oxlint-disable-line no-await-in-loop -- one after the other
  assert.equal(session.destroyed, true);
}

/**
 * Symptom: under load, at a stop, the process ended with `malloc(): mismatching next->prev_size`. Root cause: the session was closed, its
 * GOAWAY waited for the end of the turn, and a HEADERS came before; node:http2 resets and frees a stream that begins in a session which
 * is closed, while nghttp2 still reads it. Fix: the session is closed when the GOAWAY has left, and destroyed in the same turn.
 */
test("a stream that begins before the GOAWAY has left is told of, and the session stays open for it", async () => {
  const { opened, receive } = await begin();
  const { session } = opened;
  assert.equal(opened.tryClose(), false);
  const behind: boolean[] = [];
  session.once("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined); // nghttp2 refuses it when the GOAWAY leaves
    behind.push(opened.isBehindGoaway(stream));
  });
  receive(toHeaders(1));
  await setImmediate();
  assert.deepEqual(behind, [true]);
  assert.equal(session.closed, false);
  await close(opened);
});

/** The same fault: Node does not destroy a session that is closed while a header section is not complete (RFC 9113 §6.10). */
test("a session is destroyed when it is closed, also if the rest of a header section is missing", async () => {
  const { opened, receive } = await begin();
  const section = toFieldBlock(GET);
  receive(toFrame(TYPE.headers, FLAG.endStream, 1, section.subarray(0, 10)));
  await close(opened);
});
