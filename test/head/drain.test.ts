import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { type ContentInfo, createDrain } from "../../src/head/drain.ts";

const LIMITS = { bytes: 10, time: 60_000 };
const UNKNOWN: ContentInfo = { contentLength: undefined, eventStream: false };

interface Reader {
  onBytes(length: number): void;
  onEnd(): void;
  onError(error: ProxyError): void;
}

/** Content whose every step is the test's; `early` is there before headgate reads. */
function createContent(early: (reader: Reader) => void = () => undefined) {
  let reader: Reader | undefined;
  let aborts = 0;
  return {
    skipped: () => undefined,
    skip(next: Reader) {
      reader = next;
      early(next);
    },
    abort() {
      aborts += 1;
    },
    reader(): Reader {
      assert.ok(reader, "nobody reads");
      return reader;
    },
    isRead: () => reader !== undefined,
    aborts: () => aborts,
  };
}

test("a small body is read to its end, and the connection stays open", async () => {
  const content = createContent();
  const over = createDrain(1)(content, UNKNOWN, LIMITS);
  content.reader().onBytes(4);
  content.reader().onBytes(6);
  content.reader().onEnd();
  assert.deepEqual([await over, content.aborts()], [{ body: "drained", bytes: 10 }, 0]);
});

test("a body that is already buffered needs no waiting", async () => {
  const content = createContent((reader) => {
    reader.onBytes(3);
    reader.onEnd();
  });
  assert.deepEqual(await createDrain(1)(content, UNKNOWN, LIMITS), { body: "drained", bytes: 3 });
});

test("a response without a body needs no reading", async () => {
  const content = createContent((reader) => reader.onEnd());
  assert.deepEqual(
    await createDrain(1)(content, { contentLength: 0, eventStream: false }, LIMITS),
    { body: "none", bytes: 0 },
  );
});

test("a body of exactly the limit is read; with one byte more it is not begun", async () => {
  const fits = createContent((reader) => {
    reader.onBytes(10);
    reader.onEnd();
  });
  assert.deepEqual(await createDrain(1)(fits, { contentLength: 10, eventStream: false }, LIMITS), {
    body: "drained",
    bytes: 10,
  });
  const exceeds = createContent();
  assert.deepEqual(
    await createDrain(1)(exceeds, { contentLength: 11, eventStream: false }, LIMITS),
    { body: "aborted", bytes: 0 },
  );
  assert.deepEqual([exceeds.isRead(), exceeds.aborts()], [false, 1]);
});

test("an event stream is not read", async () => {
  const content = createContent();
  assert.deepEqual(
    await createDrain(1)(content, { contentLength: undefined, eventStream: true }, LIMITS),
    { body: "aborted", bytes: 0 },
  );
  assert.deepEqual([content.isRead(), content.aborts()], [false, 1]);
});

test("a body that exceeds the limit is cut off once", async () => {
  const content = createContent();
  const over = createDrain(1)(content, UNKNOWN, LIMITS);
  content.reader().onBytes(11);
  content.reader().onBytes(5);
  content.reader().onEnd();
  assert.deepEqual([await over, content.aborts()], [{ body: "aborted", bytes: 11 }, 1]);
});

test("a body that takes too long is cut off", async () => {
  const content = createContent();
  const over = createDrain(1)(content, UNKNOWN, { bytes: 10, time: 1 });
  content.reader().onBytes(1);
  assert.deepEqual([await over, content.aborts()], [{ body: "aborted", bytes: 1 }, 1]);
});

test("an upstream that dies in a discarded body harms no response", async () => {
  const content = createContent();
  const over = createDrain(1)(content, UNKNOWN, LIMITS);
  content.reader().onError(new ProxyError("http_response_incomplete"));
  assert.deepEqual(await over, { body: "aborted", bytes: 0 });
});

test("with a limit of 0 bytes no body is read, and an empty body is still noticed", async () => {
  const limits = { bytes: 0, time: 60_000 };
  const empty = createContent((reader) => reader.onEnd());
  assert.deepEqual(await createDrain(1)(empty, UNKNOWN, limits), { body: "none", bytes: 0 });
  const content = createContent((reader) => reader.onBytes(1));
  assert.deepEqual(
    [await createDrain(1)(content, UNKNOWN, limits), content.aborts()],
    [{ body: "aborted", bytes: 1 }, 1],
  );
});

test("only so many bodies drain at one time, and each that finishes makes room", async () => {
  const discard = createDrain(2);
  const [first, second, third, fourth, fifth] = [
    createContent(),
    createContent(),
    createContent(),
    createContent(),
    createContent(),
  ];
  const over = [discard(first, UNKNOWN, LIMITS), discard(second, UNKNOWN, LIMITS)];
  assert.deepEqual(await discard(third, UNKNOWN, LIMITS), { body: "aborted", bytes: 0 });
  first.reader().onEnd();
  second.reader().onError(new ProxyError("connection_terminated"));
  await Promise.all(over);
  const more = [discard(fourth, UNKNOWN, LIMITS), discard(fifth, UNKNOWN, LIMITS)];
  assert.deepEqual([third.isRead(), fourth.isRead(), fifth.isRead()], [false, true, true]);
  fourth.reader().onEnd();
  fifth.reader().onEnd();
  await Promise.all(more);
});
