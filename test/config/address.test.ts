import assert from "node:assert/strict";
import test from "node:test";
import { overlap, parseAddress, parseRange, parseUpstreamUrl } from "../../src/config/address.ts";

test("a server listens on a host and port, every address, a socket or an inherited descriptor", () => {
  assert.deepEqual(parseAddress("127.0.0.1:8080"), { kind: "tcp", host: "127.0.0.1", port: 8080 });
  assert.deepEqual(parseAddress("localhost:0"), { kind: "tcp", host: "localhost", port: 0 });
  assert.deepEqual(parseAddress(":8080"), { kind: "tcp", host: "0.0.0.0", port: 8080 });
  assert.deepEqual(parseAddress("[::]:8080"), { kind: "tcp", host: "::", port: 8080 });
  assert.deepEqual(parseAddress("unix:/run/a.sock"), { kind: "unix", path: "/run/a.sock" });
  assert.deepEqual(parseAddress("unix:///run/a.sock"), { kind: "unix", path: "/run/a.sock" });
  assert.deepEqual(parseAddress("fd:3"), { kind: "fd", fd: 3 });
});

test("an address that is no valid one gets an error that says what is missing", () => {
  const expected: Readonly<Record<string, RegExp>> = {
    "8080": /is not an address/,
    "127.0.0.1": /the port is missing/,
    "::1": /is not an address/,
    "127.0.0.1:65536": /at most 65535/,
    "999.0.0.1:80": /"999\.0\.0\.1" is not a host/,
    "a b:80": /"a b" is not a host/,
    "[::g]:80": /"::g" is not a host/,
    "[]:80": /"" is not a host/,
    "unix:run/a.sock": /absolute path/,
    "fd:2": /fd:3 is the first one/,
    "fd:x": /fd:3 is the first one/,
    "http://x:80": /is not an address/,
    "": /is not an address/,
  };
  for (const [text, message] of Object.entries(expected))
    assert.throws(() => parseAddress(text), { name: "RangeError", message }, text);
});

test("two servers cannot listen if one of them has the port of the other", () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["127.0.0.1:80", "127.0.0.1:80", true],
    ["127.0.0.1:80", "127.0.0.1:81", false],
    ["127.0.0.1:80", "127.0.0.2:80", false],
    ["127.0.0.1:80", ":80", true],
    ["[::]:80", "127.0.0.1:80", true],
    ["[::]:80", ":80", true],
    ["[::]:80", "localhost:80", true],
    [":80", "[::1]:80", false],
    [":80", "localhost:80", false],
    ["[::1]:80", "[0:0:0:0:0:0:0:1]:80", true],
    ["Localhost:80", "localhost.:80", true],
    ["127.0.0.1:0", "127.0.0.1:0", false],
    ["unix:/a", "unix:///a", true],
    ["unix:/a", "unix:/b", false],
    ["fd:3", "fd:3", true],
    ["fd:3", "fd:4", false],
    ["fd:3", ":3", false],
    ["unix:/a", ":80", false],
  ];
  for (const [one, other, expected] of rows) {
    const [a, b] = [parseAddress(one), parseAddress(other)];
    assert.equal(overlap(a, b), expected, `${one} ${other}`);
    assert.equal(overlap(b, a), expected, `${other} ${one}`);
  }
});

test("a socket path that the kernel would cut is refused", () => {
  assert.equal(parseAddress(`unix:/${"a".repeat(106)}`).kind, "unix");
  assert.throws(() => parseAddress(`unix:/${"a".repeat(107)}`), /at most 107 bytes/);
  assert.throws(() => parseAddress(`unix:/${"é".repeat(54)}`), /at most 107 bytes/);
});

test("an upstream URL is a scheme, a host and a port", () => {
  const tcp = {
    protocol: "http:",
    host: "app",
    port: 8000,
    socketPath: undefined,
    authority: "app:8000",
  };
  assert.deepEqual(parseUpstreamUrl("http://app:8000"), tcp);
  assert.deepEqual(parseUpstreamUrl("HTTP://App:8000/"), tcp);
  assert.deepEqual(parseUpstreamUrl("https://app"), {
    ...tcp,
    protocol: "https:",
    port: 443,
    authority: "app",
  });
  assert.deepEqual(parseUpstreamUrl("http://[::1]:80"), {
    ...tcp,
    host: "::1",
    port: 80,
    authority: "[::1]",
  });
  const unix = {
    protocol: "http:",
    host: "localhost",
    port: 80,
    socketPath: "/run/a.sock",
    authority: "localhost",
  };
  assert.deepEqual(parseUpstreamUrl("unix:/run/a.sock"), unix);
});

test("an upstream URL with anything more is refused", () => {
  const expected: Readonly<Record<string, RegExp>> = {
    "http://app/api": /paths are forwarded unchanged/,
    "http://app/?": /must end after the host/,
    "http://app#": /must end after the host/,
    "http://app\\x": /must end after the host/,
    "http://u:secret@app": /must not hold a user or a password/,
    "http://@app": /must not hold a user or a password/,
    "http://app:0": /port 0/,
    "http://app:99999": /a port is at most 65535/,
    "http://": /is not a URL/,
    "http://a b": /is not a URL/,
    "http://app\n": /is not a URL/,
    "app:8000": /must begin with http/,
    "ftp://app": /must begin with/,
    "//app": /must begin with/,
    "http:/app": /must begin with/,
    "": /must begin with/,
  };
  for (const [text, message] of Object.entries(expected))
    assert.throws(() => parseUpstreamUrl(text), { name: "RangeError", message }, text);
});

test("a password in a URL is not repeated", () => {
  assert.throws(
    () => parseUpstreamUrl("http://u:secret@app/x"),
    (error) => error instanceof RangeError && !error.message.includes("secret"),
  );
});

test("a trusted range is an IP address or a CIDR", () => {
  for (const text of [
    "10.0.0.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::1",
    "fc00::/7",
    "::ffff:10.0.0.1",
    "::/0",
  ])
    assert.equal(parseRange(text), text);
  for (const text of [
    "",
    "10.0.0",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::1/129",
    "fe80::1%eth0",
    "256.1.1.1",
    "01.1.1.1",
    "app",
    "1.2.3.4.",
  ]) {
    assert.throws(() => parseRange(text), RangeError, text);
  }
});

/**
 * Symptom: `headgate check` ended with a stack trace (TypeError: Invalid URL) on `listen: a.1:8080`. Root cause: hosts were compared
 * through the URL class, which takes a name that ends in a number for an address, and names were checked without it. Fix: the last part of
 * a name is no number.
 */
test("a name whose last part is a number is refused", () => {
  for (const text of ["a.1:80", "1.2:80", "a.0x1f:80", "0x7f.1:80", "0x1:80"])
    assert.throws(() => parseAddress(text), /is not a host name or address/, text);
  for (const text of ["1a:80", "1.a:80", "a.1-2:80", "0a.:80", "0x1.a:80"])
    assert.equal(parseAddress(text).kind, "tcp", text);
});

test("a host that the URL class would rewrite is refused, with the rewritten URL", () => {
  const expected: Readonly<Record<string, string>> = {
    "http:///app": "http://app",
    "http://app\\": "http://app",
    "http://app/.": "http://app",
    "http://127.1:80": "http://127.0.0.1",
    "https://0x7f000001": "https://127.0.0.1",
    "http://%61pp": "http://app",
  };
  for (const [text, meant] of Object.entries(expected))
    assert.throws(
      () => parseUpstreamUrl(text),
      { message: `is not a URL such as http://127.0.0.1:8000; did you mean "${meant}"?` },
      text,
    );
  assert.throws(() => parseUpstreamUrl("http://a+b"), { message: /such as http:\S+$/ });
  assert.equal(parseUpstreamUrl("http://bücher.example").host, "xn--bcher-kva.example");
});
