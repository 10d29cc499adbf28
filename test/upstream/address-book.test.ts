import assert from "node:assert/strict";
import test from "node:test";

import { createAddressBook } from "../../src/upstream/address-book.ts";
import { ProxyError } from "../../src/http/errors.ts";

const refused = new ProxyError("connection_refused");

test("each address has its open connections and its last error", () => {
  const book = createAddressBook(() => 7);
  book.noteResolved(["::1", "127.0.0.1"]);
  book.noteFailed("::1", refused);
  const close = book.noteOpened("127.0.0.1");
  book.noteOpened("127.0.0.1");
  close();
  assert.deepEqual(book.list(), [
    { address: "::1", connections: 0, lastError: { code: "connection_refused", atMs: 7 } },
    { address: "127.0.0.1", connections: 1, lastError: undefined },
  ]);
});

test("an address that left the name's records is forgotten when its last connection closes", () => {
  const book = createAddressBook(() => 7);
  book.noteResolved(["10.0.0.1", "10.0.0.2"]);
  const close = book.noteOpened("10.0.0.1");
  book.noteResolved(["10.0.0.3"]);
  const known = () => book.list().map(({ address }) => address);
  assert.deepEqual(known(), ["10.0.0.3", "10.0.0.1"]);
  close();
  assert.deepEqual(known(), ["10.0.0.3"]);
  book.noteFailed("10.0.0.1", refused);
  assert.deepEqual(known(), ["10.0.0.3"]);
});
