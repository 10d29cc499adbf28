import assert from "node:assert/strict";
import test from "node:test";
import { createOwnSockets } from "../../src/upstream/own-sockets.ts";

const MINE = {
  localAddress: "10.0.0.1",
  localPort: 40_000,
  remoteAddress: "10.0.0.2",
  remotePort: 8080,
};
/** The peer's end of the connection. */
const ACCEPTED = {
  localAddress: "10.0.0.2",
  localPort: 8080,
  remoteAddress: "10.0.0.1",
  remotePort: 40_000,
};

test("headgate knows the peer's end of its own connection until the connection is closed", () => {
  const own = createOwnSockets();
  assert.equal(own.has(ACCEPTED), false);
  const forget = own.add(MINE);
  assert.equal(own.has(ACCEPTED), true);
  assert.equal(own.has(MINE), false);
  forget();
  assert.equal(own.has(ACCEPTED), false);
});

test("a dual-stack listener reports an IPv4 address as IPv4", () => {
  const own = createOwnSockets();
  own.add(MINE);
  const dual = { ...ACCEPTED, localAddress: "::ffff:10.0.0.2", remoteAddress: "::ffff:10.0.0.1" };
  assert.equal(own.has(dual), true);
});

// A kernel gives one local port to several connections, as long as they lead to different places.
test("a connection from the same address and port to another destination is not headgate's own", () => {
  const own = createOwnSockets();
  own.add({ ...MINE, remotePort: 8000 });
  assert.equal(own.has(ACCEPTED), false);
});

test("when one of two connections that share a local port closes, the other stays known", () => {
  const own = createOwnSockets();
  const forget = own.add({ ...MINE, remotePort: 8000 });
  own.add(MINE);
  forget();
  assert.equal(own.has(ACCEPTED), true);
});

test("sockets without an address (unix, closed) are not headgate's own", () => {
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
