import assert from "node:assert/strict";
import test from "node:test";

import { parseServerName } from "../../src/http/wire/client-hello.ts";
import { readClientHello } from "../support/client-hello.ts";

/** Puts a record's content into records of `size` bytes (RFC 8446 §5.1). */
function toRecords(hello: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const content = hello.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1, content.length >> 8, content.length & 0xff]), content);
  }
  return Buffer.concat(parts);
}

test("the name of a real ClientHello is read in lower case, and is empty where the client names none", async () => {
  for (const ALPNProtocols of [[], ["h2", "http/1.1"]])
    assert.equal(parseServerName(await readClientHello("B.Test", { ALPNProtocols })), "b.test");
  assert.equal(parseServerName(await readClientHello("")), "");
});

test("a ClientHello may come in pieces and in several records; bytes behind it do not matter", async () => {
  const hello = await readClientHello("b.test");
  for (let length = 0; length < hello.length; length += 1)
    assert.equal(parseServerName(hello.subarray(0, length)), undefined);
  for (const size of [50, 100]) {
    const records = toRecords(hello, size);
    assert.equal(parseServerName(records), "b.test");
    assert.equal(parseServerName(records.subarray(0, -1)), undefined);
  }
  assert.equal(parseServerName(Buffer.concat([hello, Buffer.alloc(50)])), "b.test");
});

test("what is malformed, no ClientHello or too long has no name, and nothing throws", async () => {
  const hello = await readClientHello("b.test");
  for (let at = 0; at < hello.length; at += 1)
    for (const value of [0, 1, 255]) {
      const damaged = Buffer.from(hello);
      damaged[at] = value;
      parseServerName(damaged);
    }
  assert.equal(parseServerName(Buffer.from([22, 3, 1, 0, 0])), "");
  assert.equal(parseServerName(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), "");
  assert.equal(parseServerName(Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 9])), "");
  assert.equal(parseServerName(toRecords(hello, 1)), "");
  const long = Buffer.alloc(16_384, 1);
  long.set([22, 3, 1, 0x50, 0, 1, 0, 0x50, 0]);
  assert.equal(parseServerName(long), "");
  assert.equal(parseServerName(long.subarray(1)), "");
});
