import assert from "node:assert/strict";
import test from "node:test";
import { createOwnSockets } from "../../src/upstream/own-sockets.ts";

const MINE = {
  localAddress: "10.0.0.1",
  localPort: 40_000,
  remoteAddress: "10.0.0.2",
  remotePort: 8080,
};
/** The other side of it. */
const ACCEPTED = {
  localAddress: "10.0.0.2",
  localPort: 8080,
  remoteAddress: "10.0.0.1",
  remotePort: 40_000,
};

test("the other side of a connection of one's own is known until the connection is closed", () => {
  const own = createOwnSockets();
  assert.equal(own.has(ACCEPTED), false);
  const forget = own.add(MINE);
  assert.equal(own.has(ACCEPTED), true);
  assert.equal(own.has(MINE), false);
  forget();
  assert.equal(own.has(ACCEPTED), false);
});

test("a dual-stack listener's name for an IPv4 address is that address", () => {
  const own = createOwnSockets();
  own.add(MINE);
  const dual = { ...ACCEPTED, localAddress: "::ffff:10.0.0.2", remoteAddress: "::ffff:10.0.0.1" };
  assert.equal(own.has(dual), true);
});

// A kernel gives one local port to several connections, as long as they lead to different places.
test("a client with the same address and port, whose connection leads elsewhere, is another", () => {
  const own = createOwnSockets();
  own.add({ ...MINE, remotePort: 8000 });
  assert.equal(own.has(ACCEPTED), false);
});

test("one of two connections that share a local port is known when the other one is closed", () => {
  const own = createOwnSockets();
  const forget = own.add({ ...MINE, remotePort: 8000 });
  own.add(MINE);
  forget();
  assert.equal(own.has(ACCEPTED), true);
});

test("sockets without an address, of unix or closed, are nobody's", () => {
  const own = createOwnSockets();
  const none = {
    localAddress: undefined,
    localPort: undefined,
    remoteAddress: undefined,
    remotePort: undefined,
  };
  own.add(none)();
  own.add(none);
  assert.equal(own.has(none), false);
});
