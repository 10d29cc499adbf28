import assert from "node:assert/strict";
import test from "node:test";

import {
  createPeers,
  createTrust,
  toPeerAddress,
  withForwarded,
} from "../../src/http/forwarded.ts";
import { toFields } from "../support/fields.ts";

const STRANGER = { address: "9.9.9.9", trusted: false };
const BALANCER = { address: "10.0.0.1", trusted: true };
const UNIX = { address: undefined, trusted: true };
const CLAIMS = [
  "X-Forwarded-For: 6.6.6.6",
  "x-forwarded-proto: https",
  "X-FORWARDED-HOST: evil",
  "Forwarded: for=6.6.6.6",
];
const SAID = ["X-Forwarded-Proto: http", "X-Forwarded-Host: h"];

test("a request without forwarding fields gets the peer's address, the scheme and the host", () => {
  assert.deepEqual(
    withForwarded(["A", "1"], STRANGER, "h"),
    toFields(["A: 1", "X-Forwarded-For: 9.9.9.9", ...SAID]),
  );
});

test("an untrusted peer's forwarding fields are dropped; all other fields stay", () => {
  assert.deepEqual(
    withForwarded(toFields(["A: 1", ...CLAIMS, "B: 2"]), STRANGER, "h"),
    toFields(["A: 1", "B: 2", "X-Forwarded-For: 9.9.9.9", ...SAID]),
  );
});

// Symptom: X-Forwarded-Port, X-Real-IP and others that a stranger had made up reached the upstream.
// Root cause: headgate knew three X-Forwarded-* fields and Forwarded; each framework believes others besides.
// Fix: a closed list, with every name that begins with X-Forwarded-.
const FORGED = [
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-Scheme",
  "X-Forwarded-Ssl",
  "X-Forwarded-User",
  "X-Forwarded-By",
  "X-Forwarded-Anything-At-All",
  "X-Forwarded-",
  "X-Forwarded",
  "X-Real-IP",
  "X-Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "Fastly-Client-IP",
  "Forwarded",
  // WSGI reads both spellings as HTTP_X_FORWARDED_…
  "X_Forwarded_For",
  "X-Forwarded_For",
  "x_forwarded-proto",
  "X_FORWARDED_HOST",
  "x_forwarded_port",
  "X_Real_IP",
  "X-Real_IP",
  "TRUE_CLIENT-IP",
  "cf_connecting_ip",
];
for (const name of FORGED) {
  test(`an untrusted peer's ${name} is dropped`, () => {
    assert.deepEqual(
      withForwarded(["A", "1", name, "x", "B", "2"], STRANGER, undefined),
      toFields(["A: 1", "B: 2", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: http"]),
    );
  });

  test(`a trusted peer's ${name} passes`, () => {
    assert.deepEqual(
      withForwarded([name, "x"], UNIX, undefined),
      toFields([`${name}: x`, "X-Forwarded-Proto: http"]),
    );
  });
}

test("fields with similar names stay", () => {
  const lines = [
    "Forwarded-For: 1",
    "X-Forward: 1",
    "X-Forwardedly: 1",
    "X-Forwarded.For: 1",
    "XX-Forwarded-For: 1",
    "X-Real-IPs: 1.1.1.1",
    "Real-IP: 1.1.1.1",
    "Client-IP: 1.1.1.1",
    "CF-Connecting: 1",
    "Traceparent: 1",
    "Content-Type: 1",
    "X_Custom_Header_: 1",
    "_X-Forwarded-For: 1",
  ];
  assert.deepEqual(
    withForwarded(toFields(lines), STRANGER, undefined).slice(0, lines.length * 2),
    toFields(lines),
  );
});

test("a trusted peer's chain keeps its place and case and ends in the peer's address", () => {
  assert.deepEqual(
    withForwarded(toFields(["x-forwarded-FOR: 1.1.1.1, 2.2.2.2", "A: 1"]), BALANCER, undefined),
    toFields(["x-forwarded-FOR: 1.1.1.1, 2.2.2.2, 10.0.0.1", "A: 1", "X-Forwarded-Proto: http"]),
  );
});

test("a trusted chain in several lines becomes one line, without empty elements", () => {
  const lines = [
    "X-Forwarded-For:",
    "X-Forwarded-For: 1.1.1.1",
    "A: 1",
    "x-forwarded-for: 2.2.2.2",
  ];
  assert.deepEqual(
    withForwarded(toFields(lines), BALANCER, undefined),
    toFields(["X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.1", "A: 1", "X-Forwarded-Proto: http"]),
  );
});

test("scheme and host from a trusted peer stay unchanged", () => {
  assert.deepEqual(
    withForwarded(toFields(CLAIMS), BALANCER, "h"),
    toFields(["X-Forwarded-For: 6.6.6.6, 10.0.0.1", ...CLAIMS.slice(1)]),
  );
});

test("a peer on a unix socket has no address to append", () => {
  assert.deepEqual(withForwarded([], UNIX, "h"), toFields(SAID));
  assert.deepEqual(
    withForwarded(["X-Forwarded-For", "1.1.1.1"], UNIX, "h"),
    toFields(["X-Forwarded-For: 1.1.1.1", ...SAID]),
  );
});

test("headgate invents no host", () => {
  assert.deepEqual(withForwarded([], UNIX, undefined), toFields(["X-Forwarded-Proto: http"]));
});

const RANGES = ["127.0.0.0/8", "10.0.0.0/8", "192.0.2.7", "::1/128", "fc00::/7"];
const isTrusted = createTrust(RANGES);

for (const address of [
  "127.0.0.1",
  "10.255.0.1",
  "192.0.2.7",
  "::1",
  "fd12::3",
  "::ffff:10.1.2.3",
  "fd12::3%eth0",
]) {
  test(`${address} is within the trusted ranges`, () => assert.equal(isTrusted(address), true));
}

for (const address of [
  "11.0.0.1",
  "192.0.2.8",
  "::2",
  "fe80::1",
  "::ffff:9.9.9.9",
  "",
  "localhost",
]) {
  test(`${JSON.stringify(address)} is not trusted`, () => assert.equal(isTrusted(address), false));
}

// Symptom: a forged X-Forwarded-For reached the backend when its sender reset the connection right after the request.
// Cause: the kernel forgets the peer's address at the reset, and no address was taken for a unix socket.
test("a TCP peer whose address is gone is not trusted", () => {
  const toPeer = createPeers(createTrust(["0.0.0.0/0", "::/0"]));
  assert.equal(toPeer({ remoteAddress: undefined, isUnix: false }).trusted, false);
});

test("peers on a unix socket are trusted", () => {
  assert.equal(
    createPeers(createTrust([]))({ remoteAddress: undefined, isUnix: true }).trusted,
    true,
  );
});

test("an empty list trusts no peer", () => {
  assert.equal(createTrust([])("127.0.0.1"), false);
});

for (const range of [
  "",
  "10.0.0.0/",
  "10.0.0.0/33",
  "::/129",
  "10.0.0.0/8/8",
  "10.0.0.0/+8",
  "10.0.0.0/8 ",
  "/8",
  "localhost",
  "10.0.0",
]) {
  test(`${JSON.stringify(range)} is not accepted as a range`, () => {
    assert.throws(() => createTrust([range]));
  });
}

test("an IPv4 peer of a dual-stack socket is an IPv4 peer", () => {
  assert.equal(toPeerAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(toPeerAddress("fe80::1"), "fe80::1");
  assert.equal(toPeerAddress(undefined), undefined);
});

test("a connection's peer is looked up once", () => {
  let checks = 0;
  const toPeer = createPeers(() => {
    checks += 1;
    return true;
  });
  const TRUSTED = { trusted: true, isSecure: false, certificate: undefined };
  const socket = { remoteAddress: "::ffff:10.0.0.1" };
  assert.deepEqual(toPeer(socket), { ...TRUSTED, address: "10.0.0.1" });
  assert.equal(toPeer(socket), toPeer(socket));
  assert.deepEqual(toPeer({ remoteAddress: "10.0.0.2" }), { ...TRUSTED, address: "10.0.0.2" });
  assert.equal(checks, 2);
});
