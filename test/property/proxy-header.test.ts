// The PROXY protocol's header for generated headers, cuts and bytes.

import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import test from "node:test";

import {
  ProxyHeaderError,
  type ProxyHeader,
  mayBeProxyHeader,
  parseProxyHeader,
} from "../../src/http/wire/proxy-header.ts";
import { fc } from "../support/property.ts";
import { CRC32C, SSL, toTlv, toV2 } from "../support/proxy-header.ts";

interface Generated {
  readonly bytes: Buffer;
  readonly client: ProxyHeader["client"];
}

const port = fc.integer({ min: 0, max: 65_535 });
const octets = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));

const toIPv6 = (address: string): string => new SocketAddress({ address, family: "ipv6" }).address;
const toGroups = (bytes: Buffer): string => bytes.toString("hex").match(/.{4}/g)?.join(":") ?? "";

/** Version 1, each address in a random form. */
const v1: fc.Arbitrary<Generated> = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4(), port, port).map(([from, to, one, two]) => ({
    bytes: Buffer.from(`PROXY TCP4 ${from} ${to} ${one} ${two}\r\n`),
    client: { kind: "address" as const, address: from },
  })),
  fc.tuple(fc.ipV6(), fc.ipV6(), port, port).map(([from, to, one, two]) => ({
    bytes: Buffer.from(`PROXY TCP6 ${from} ${to} ${one} ${two}\r\n`),
    client: { kind: "address" as const, address: toIPv6(from) },
  })),
  fc.stringMatching(/^[ -~]{0,80}$/).map((rest) => ({
    bytes: Buffer.from(`PROXY UNKNOWN ${rest}\r\n`),
    client: { kind: "unknown" as const },
  })),
);

const tlvs: fc.Arbitrary<Buffer> = fc
  .array(
    fc
      .record({
        type: fc.integer({ min: 0, max: 255 }).filter((type) => ![CRC32C, SSL].includes(type)),
        value: fc.uint8Array({ maxLength: 40 }),
      })
      .map(({ type, value }) => toTlv(type, Buffer.from(value))),
    { maxLength: 5 },
  )
  .map((all) => Buffer.concat(all));

const ends: fc.Arbitrary<{ rest: Buffer; checksum?: "right" }> = fc
  .tuple(tlvs, tlvs, fc.boolean(), fc.boolean())
  .map(([outer, inner, hasSsl, hasChecksum]) => {
    const ssl = hasSsl ? [toTlv(SSL, Buffer.concat([Buffer.alloc(5), inner]))] : [];
    const all = [outer, ...ssl];
    return hasChecksum
      ? { rest: Buffer.concat([...all, toTlv(CRC32C, Buffer.alloc(4))]), checksum: "right" }
      : { rest: Buffer.concat(all) };
  });

/** Version 2, with TLVs and a checksum. */
const v2: fc.Arbitrary<Generated> = fc
  .tuple(fc.constantFrom(0x11, 0x21, 0x31, 0x12, 0x32, 0x01, 0x20), octets(216), ends, fc.boolean())
  .map(([family, source, { rest, ...checksum }, isLocal]) => {
    const addresses = source.subarray(0, [0, 12, 36, 216][family >> 4]);
    const bytes = toV2({
      ...checksum,
      command: isLocal ? 0x20 : 0x21,
      family,
      rest: Buffer.concat([addresses, rest]),
    });
    if (isLocal) return { bytes, client: { kind: "proxy" as const } };
    const address =
      family === 0x11 ? source.subarray(0, 4).join(".") : toIPv6(toGroups(source.subarray(0, 16)));
    if (family === 0x11 || family === 0x21)
      return { bytes, client: { kind: "address" as const, address } };
    return { bytes, client: { kind: family === 0x31 ? ("unix" as const) : ("unknown" as const) } };
  });

const valid = fc.oneof(v1, v2);

test("a generated header is read as what it was generated from, whatever follows it", () => {
  fc.assert(
    fc.property(valid, fc.uint8Array({ maxLength: 200 }), ({ bytes, client }, behind) => {
      const read = parseProxyHeader(Buffer.concat([bytes, behind]));
      assert.deepEqual(read, { client, length: bytes.length });
    }),
  );
});

test("a beginning of a header is no header yet, and no error", () => {
  fc.assert(
    fc.property(valid, ({ bytes }) => {
      for (let length = 0; length < bytes.length; length += 1) {
        assert.ok(mayBeProxyHeader(bytes.subarray(0, length)));
        assert.equal(parseProxyHeader(bytes.subarray(0, length)), undefined);
      }
    }),
  );
});

/** Damaged headers, and bytes that begin like one. */
const hostile: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .tuple(valid, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }), fc.nat({ max: 3 }))
    .map(([{ bytes }, where, put, removed]) => {
      const at = where % bytes.length;
      return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);
    }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.concat([Buffer.from("PROXY "), bytes])),
  fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => toV2({ family: 0x11, rest: Buffer.from(bytes) })),
);

function toOutcome(bytes: Buffer): ProxyHeader | string | undefined {
  try {
    return parseProxyHeader(bytes);
  } catch (error) {
    assert.ok(error instanceof ProxyHeaderError, String(error));
    return error.message;
  }
}

test("no bytes are any other error, and the first decision is that of all bytes", () => {
  fc.assert(
    fc.property(hostile, (bytes) => {
      let first: ReturnType<typeof toOutcome>;
      for (let length = 0; length <= bytes.length && first === undefined; length += 1)
        first = toOutcome(bytes.subarray(0, length));
      assert.deepEqual(toOutcome(bytes), first);
      if (typeof first === "object") assert.ok(first.length <= bytes.length);
    }),
  );
});
