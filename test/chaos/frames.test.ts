/** The watch over a client's frames, which sees what node:http2 does not tell. */

import assert from "node:assert/strict";
import test from "node:test";
import { type FrameWatch, watchFrames } from "../../tools/chaos/http2/frames.ts";
import { FLAG, TYPE, toFrame, toHeaders } from "../support/frames.ts";

const code = (value: number): Buffer => Buffer.from([0, 0, 0, value]);
const DATA = toFrame(TYPE.data, 0, 1, Buffer.from("content"));
const RESET = toFrame(TYPE.rstStream, 0, 1, code(2));
const HEAD = toHeaders(1, [[":status", "200"]], 0);
const END = toFrame(TYPE.data, FLAG.endStream, 1);

function watch(...frames: readonly Buffer[]): FrameWatch {
  const watched = watchFrames();
  // Byte by byte, because a frame may come in pieces.
  for (const byte of Buffer.concat(frames)) watched.take(Buffer.from([byte]));
  return watched;
}

test("a response is complete with END_STREAM, and a reset has its code", () => {
  const whole = watch(HEAD, DATA, END).of(1);
  assert.deepEqual([whole.isEnded, whole.isEndedAtHead, whole.resetCode], [true, false, undefined]);
  const broken = watch(HEAD, DATA, RESET).of(1);
  assert.deepEqual([broken.isEnded, broken.resetCode, broken.fault], [false, 2, undefined]);
  const late = watch(HEAD, END, RESET).of(1);
  assert.deepEqual([late.isEnded, late.resetCode, late.fault], [true, 2, undefined]);
  const bare = watch(toHeaders(1, [[":status", "204"]])).of(1);
  assert.deepEqual([bare.isEnded, bare.isEndedAtHead], [true, true]);
});

test("frames that may not come are faults of their stream, or of the connection", () => {
  assert.match(watch(HEAD, END, DATA).of(1).fault ?? "", /after END_STREAM/);
  assert.match(watch(HEAD, RESET, DATA).of(1).fault ?? "", /after RST_STREAM/);
  assert.match(watch(DATA).of(1).fault ?? "", /^DATA before HEADERS$/);
  assert.match(watch(toFrame(5, 0, 1)).fault() ?? "", /^PUSH_PROMISE/);
  assert.match(watch(toHeaders(2, [[":status", "200"]])).fault() ?? "", /on stream 2$/);
  assert.equal(watch(HEAD, DATA, END).fault(), undefined);
});

test("GOAWAY has its code", () => {
  const goaway = toFrame(TYPE.goaway, 0, 0, Buffer.concat([code(1), code(11)]));
  assert.equal(watch(HEAD, goaway).goaway(), 11);
  assert.equal(watch(HEAD).goaway(), undefined);
});
