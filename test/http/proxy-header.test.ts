// The PROXY protocol's header: each rule of HAProxy's proxy-protocol.txt, with the bytes that hold or break it.

import assert from "node:assert/strict";
import test from "node:test";

import { ProxyHeaderError, parseProxyHeader } from "../../src/http/wire/proxy-header.ts";
import { CRC32C, SSL, toCrc32c, toTlv, toV2 } from "../support/proxy-header.ts";

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

const INET = hex("c0000201 0a000001 1f90 01bb");
const INET6 = hex("20010db8000000000000000000000001 20010db8000000000000000000000002 1f90 01bb");
const MAPPED = hex("00000000000000000000ffff0a010203 00000000000000000000ffff0a000001 1f90 01bb");
const UNIX = Buffer.alloc(216, "/run/app.sock");

const V1: Readonly<Record<string, unknown>> = {
  "PROXY TCP4 192.0.2.1 10.0.0.1 8080 443": { kind: "address", address: "192.0.2.1" },
  "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535": {
    kind: "address",
    address: "255.255.255.255",
  },
  "PROXY TCP4 0.0.0.0 0.0.0.0 0 0": { kind: "address", address: "0.0.0.0" },
  "PROXY TCP6 2001:DB8:0:0:0::1 ::1 8080 443": { kind: "address", address: "2001:db8::1" },
  "PROXY TCP6 ::ffff:10.1.2.3 ::1 8080 443": { kind: "address", address: "::ffff:10.1.2.3" },
  "PROXY TCP6 0:0:0:0:0:FFFF:0a01:0203 ::1 8080 443": {
    kind: "address",
    address: "::ffff:10.1.2.3",
  },
  "PROXY UNKNOWN": { kind: "unknown" },
  "PROXY UNKNOWN ": { kind: "unknown" },
  "PROXY UNKNOWN ffff::1 whatever it is": { kind: "unknown" },
};

test("version 1 tells the source address, in the form of the kernel", () => {
  for (const [line, client] of Object.entries(V1)) {
    const bytes = latin1(`${line}\r\nGET / HTTP/1.1\r\n`);
    assert.deepEqual(parseProxyHeader(bytes), { client, length: line.length + 2 }, line);
  }
});

const MALFORMED_V1 = [
  "PROXY TCP4 192.0.2.1 10.0.0.1 8080",
  "PROXY TCP4 192.0.2.1 10.0.0.1 8080 443 ",
  "PROXY TCP4  192.0.2.1 10.0.0.1 8080 443",
  "PROXY\tTCP4 192.0.2.1 10.0.0.1 8080 443",
  "PROXY TCP4 192.0.2.1 10.0.0.1 08080 443",
  "PROXY TCP4 192.0.2.1 10.0.0.1 65536 443",
  "PROXY TCP4 192.0.2.1 10.0.0.1 8080 -1",
  "PROXY TCP4 192.0.2.01 10.0.0.1 8080 443",
  "PROXY TCP4 192.0.2.256 10.0.0.1 8080 443",
  "PROXY TCP4 192.0.2 10.0.0.1 8080 443",
  "PROXY TCP4 2001:db8::1 2001:db8::2 8080 443",
  "PROXY TCP6 192.0.2.1 10.0.0.1 8080 443",
  "PROXY TCP6 2001:db8::1::2 ::1 8080 443",
  "PROXY TCP6 fe80::1%eth0 ::1 8080 443",
  "PROXY TCP6 2001:db8::1 192.0.2.1 8080 443",
  "PROXY UDP4 192.0.2.1 10.0.0.1 8080 443",
  "PROXY tcp4 192.0.2.1 10.0.0.1 8080 443",
  "PROXY UNKNOWNS",
  "PROXY ",
  "proxy TCP4 192.0.2.1 10.0.0.1 8080 443",
  " PROXY TCP4 192.0.2.1 10.0.0.1 8080 443",
  "PROXY UNKNOWN\nGET / HTTP/1.1",
  "PROXY UNKNOWN\rGET / HTTP/1.1",
  "GET / HTTP/1.1",
];

test("a line that differs from version 1 in any way is refused", () => {
  for (const line of MALFORMED_V1)
    assert.throws(() => parseProxyHeader(latin1(`${line}\r\n`)), ProxyHeaderError, line);
});

test("a line of version 1 has at most 107 bytes, of which the last two are CRLF", () => {
  const longest = "PROXY UNKNOWN ".padEnd(105, "f");
  assert.equal(parseProxyHeader(latin1(`${longest}\r\n`))?.length, 107);
  assert.equal(parseProxyHeader(latin1(`${longest}\r`)), undefined);
  assert.throws(() => parseProxyHeader(latin1(`${longest}f\r\n`)), /longer than 107 bytes/);
  assert.throws(() => parseProxyHeader(latin1(`${longest}ff`)), /longer than 107 bytes/);
});

test("version 2 tells the source address", () => {
  const cases = [
    [toV2({ family: 0x11, rest: INET }), { kind: "address", address: "192.0.2.1" }],
    [toV2({ family: 0x21, rest: INET6 }), { kind: "address", address: "2001:db8::1" }],
    [toV2({ family: 0x21, rest: MAPPED }), { kind: "address", address: "::ffff:10.1.2.3" }],
    [toV2({ family: 0x31, rest: UNIX }), { kind: "unix" }],
    // What it does not tell: an unspecified family or transport, and datagrams.
    [toV2({ family: 0x00, rest: Buffer.alloc(0) }), { kind: "unknown" }],
    [toV2({ family: 0x00, rest: Buffer.from("anything") }), { kind: "unknown" }],
    [toV2({ family: 0x01, rest: INET }), { kind: "unknown" }],
    [toV2({ family: 0x10, rest: INET }), { kind: "unknown" }],
    [toV2({ family: 0x12, rest: INET }), { kind: "unknown" }],
    [toV2({ family: 0x22, rest: INET6 }), { kind: "unknown" }],
    [toV2({ family: 0x32, rest: UNIX }), { kind: "unknown" }],
    // LOCAL: everything behind the length is ignored, also the family.
    [toV2({ command: 0x20, family: 0x00, rest: Buffer.alloc(0) }), { kind: "proxy" }],
    [toV2({ command: 0x20, family: 0x11, rest: INET }), { kind: "proxy" }],
    [toV2({ command: 0x20, family: 0xff, rest: Buffer.from("xx") }), { kind: "proxy" }],
  ] as const;
  for (const [header, client] of cases) {
    const bytes = Buffer.concat([header, latin1("GET / HTTP/1.1\r\n")]);
    const expected = { client, length: header.length };
    assert.deepEqual(parseProxyHeader(bytes), expected, header.toString("hex"));
  }
});

test("a header of version 2 that is not one is refused", () => {
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [toV2({ command: 0x11, family: 0x11, rest: INET }), /version .* is not 2/],
    [toV2({ command: 0x31, family: 0x11, rest: INET }), /version .* is not 2/],
    [toV2({ command: 0x22, family: 0x11, rest: INET }), /unknown command/],
    [toV2({ family: 0x41, rest: INET }), /unknown family or transport/],
    [toV2({ family: 0x13, rest: INET }), /unknown family or transport/],
    [toV2({ family: 0x11, rest: INET.subarray(1) }), /too short for its addresses/],
    [toV2({ family: 0x21, rest: INET }), /too short for its addresses/],
    [toV2({ family: 0x31, rest: INET6 }), /too short for its addresses/],
    [toV2({ family: 0x11, rest: Buffer.alloc(4081) }), /longer than 4096 bytes/],
  ];
  for (const [header, message] of cases) {
    assert.throws(
      () => parseProxyHeader(header),
      (error) => error instanceof ProxyHeaderError && message.test(error.message),
      header.toString("hex"),
    );
  }
});

test("a header that is too long is refused before it has arrived", () => {
  const header = toV2({ family: 0x11, rest: Buffer.alloc(65_535) });
  assert.throws(() => parseProxyHeader(header.subarray(0, 16)), /longer than 4096 bytes/);
});

const withTlvs = (...tlvs: readonly Buffer[]): Buffer =>
  toV2({ family: 0x11, rest: Buffer.concat([INET, ...tlvs]) });

/** PP2_TYPE_SSL with a version and a common name, as HAProxy's send-proxy-v2-ssl-cn writes it. */
const SSL_VALUE = Buffer.concat([
  hex("07 00000000"),
  toTlv(0x21, latin1("TLSv1.3")),
  toTlv(0x22, latin1("client")),
]);

test("TLVs are skipped, of any type", () => {
  const tlvs = [toTlv(0x04, Buffer.alloc(0)), toTlv(0xea, latin1("vpce-1")), toTlv(SSL, SSL_VALUE)];
  for (const header of [...tlvs.map((tlv) => withTlvs(tlv)), withTlvs(...tlvs)])
    assert.deepEqual(parseProxyHeader(header), {
      client: { kind: "address", address: "192.0.2.1" },
      length: header.length,
    });
});

test("a TLV that is cut off is refused, also within another", () => {
  const whole = toTlv(0xea, latin1("vpce-1"));
  const cases = [
    withTlvs(whole.subarray(0, 1)),
    withTlvs(whole.subarray(0, 2)),
    withTlvs(whole.subarray(0, -1)),
    withTlvs(whole, whole.subarray(0, -1)),
    withTlvs(toTlv(SSL, SSL_VALUE.subarray(0, 4))),
    withTlvs(toTlv(SSL, SSL_VALUE.subarray(0, 7))),
    withTlvs(toTlv(SSL, SSL_VALUE.subarray(0, -1))),
  ];
  for (const header of cases)
    assert.throws(() => parseProxyHeader(header), /a TLV that is cut off/, header.toString("hex"));
});

test("a checksum is verified where there is one", () => {
  assert.equal(toCrc32c(latin1("123456789")), 0xe3069283); // the check value of CRC-32C in every catalogue
  const rest = Buffer.concat([INET, toTlv(CRC32C, Buffer.alloc(4))]);
  const right = toV2({ family: 0x11, rest, checksum: "right" });
  assert.equal(parseProxyHeader(right)?.length, right.length);
  // Every byte behind the length, but the type of the TLV: another type is no checksum.
  for (let at = 16; at < right.length; at += 1) {
    if (at === right.length - 7) continue;
    const damaged = Buffer.from(right);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x01, at);
    assert.throws(() => parseProxyHeader(damaged), ProxyHeaderError, `byte ${at}`);
  }
  for (const length of [0, 3, 5])
    assert.throws(
      () => parseProxyHeader(withTlvs(toTlv(CRC32C, Buffer.alloc(length)))),
      /the checksum .* is wrong/,
    );
});
