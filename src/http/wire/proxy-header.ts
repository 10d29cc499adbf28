/**
 * Reads the header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt). A load balancer sends it before everything else
 * on a connection, to tell the address of the client behind it.
 */

import { SocketAddress, isIPv4, isIPv6 } from "node:net"; // pure: the syntax of addresses, no socket

/** The client of a connection that begins with a PROXY protocol header. */
export type ProxiedClient =
  | { readonly kind: "address"; readonly address: string }
  /** The client is connected to a unix socket of the proxy, and has no address. */
  | { readonly kind: "unix" }
  /** The proxy does not tell its client. */
  | { readonly kind: "unknown" }
  /** The proxy itself, for a health check. */
  | { readonly kind: "proxy" };

/** A complete header. `length` is the number of its bytes. */
export interface ProxyHeader {
  readonly client: ProxiedClient;
  readonly length: number;
}

/** The bytes are not a valid header. The message has no bytes of the peer. */
export class ProxyHeaderError extends Error {}

/** §2.1: the longest header of version 1. */
const MAX_V1_BYTES = 107;
/** nginx has the same limit. §2 wants a header to fit in 536 bytes; certificates' names and private TLVs of clouds may make it longer. */
const MAX_V2_BYTES = 4096;

const V1_BEGINNING = Buffer.from("PROXY ");
const V1_CLIENT = /^PROXY TCP([46]) ([\da-fA-F:.]+) ([\da-fA-F:.]+) (\d{1,5}) (\d{1,5})$/;
const V1_UNKNOWN = /^PROXY UNKNOWN(?: |$)/;
const V1_PORT = /^(?:0|[1-9]\d*)$/; // §2.1: "Heading zeroes are not permitted"

/** §2.2: the first 12 bytes of version 2. */
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** The signature, version and command, family and transport, and the length of the rest. */
const V2_FIXED_BYTES = 16;
const UNSPEC = 0;
const UNIX = 3;
const STREAM = 1;
const DATAGRAM = 2;
/** The bytes of two addresses and, for INET (1) and INET6 (2), of their ports. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 12, 2: 36, [UNIX]: 216 };

const TLV_CRC32C = 0x03;
const TLV_SSL = 0x20;
const TLV_FIXED_BYTES = 3;
/** §2.2.6: `client` and `verify`. TLVs follow. */
const SSL_FIXED_BYTES = 5;

/** Whether bytes are the beginning of a header, or may become it. An empty buffer may. */
export function mayBeProxyHeader(bytes: Buffer): boolean {
  return beginsAlike(bytes, V1_BEGINNING) || beginsAlike(bytes, V2_SIGNATURE);
}

/**
 * Parses the header at the beginning of a connection. Returns undefined if more bytes are needed. Throws a ProxyHeaderError as soon as the
 * bytes cannot become a valid header.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (beginsAlike(bytes, V1_BEGINNING)) return parseV1(bytes);
  if (beginsAlike(bytes, V2_SIGNATURE)) return parseV2(bytes);
  throw new ProxyHeaderError("the connection does not begin with a PROXY protocol header");
}

function beginsAlike(bytes: Buffer, beginning: Buffer): boolean {
  const length = Math.min(bytes.length, beginning.length);
  return bytes.compare(beginning, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): ProxyHeader | undefined {
  const line = bytes.toString("latin1", 0, MAX_V1_BYTES);
  const end = line.search(/[\r\n]/);
  // A single CR or LF is no line end (§2.1).
  if (end !== -1 && !"\r\n".startsWith(line.slice(end, end + 2)))
    throw new ProxyHeaderError("the PROXY protocol header has a CR or LF within its line");
  const isComplete = end !== -1 && end + 2 <= line.length;
  if (isComplete) return { client: parseV1Line(line.slice(0, end)), length: end + 2 };
  if (line.length === MAX_V1_BYTES)
    throw new ProxyHeaderError(`the PROXY protocol header is longer than ${MAX_V1_BYTES} bytes`);
  return undefined;
}

function parseV1Line(line: string): ProxiedClient {
  if (V1_UNKNOWN.test(line)) return { kind: "unknown" }; // whatever follows is ignored (§2.1)
  const [, version, source = "", destination = "", ...ports] = V1_CLIENT.exec(line) ?? [];
  const isAddress = version === "4" ? isIPv4 : isIPv6;
  const isValid =
    isAddress(source) &&
    isAddress(destination) &&
    ports.every((port) => V1_PORT.test(port) && Number(port) <= 65_535);
  if (!isValid) throw new ProxyHeaderError("the PROXY protocol header is malformed");
  return { kind: "address", address: version === "4" ? source : toUsualIPv6(source) };
}

function parseV2(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined;
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2)
    throw new ProxyHeaderError("the version of the PROXY protocol header is not 2");
  const command = versionAndCommand & 0x0f;
  if (command > 1) throw new ProxyHeaderError("the PROXY protocol header has an unknown command");
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_V2_BYTES)
    throw new ProxyHeaderError(`the PROXY protocol header is longer than ${MAX_V2_BYTES} bytes`);
  if (bytes.length < length) return undefined;
  // LOCAL: the rest, the family included, is ignored (§2.2).
  const client: ProxiedClient =
    command === 0 ? { kind: "proxy" } : parseV2Client(bytes.subarray(0, length));
  return { client, length };
}

/** Parses a complete header with the command PROXY. */
function parseV2Client(header: Buffer): ProxiedClient {
  const family = header.readUInt8(13) >> 4;
  const transport = header.readUInt8(13) & 0x0f;
  if (family > UNIX || transport > DATAGRAM)
    throw new ProxyHeaderError("the PROXY protocol header has an unknown family or transport");
  // Addresses of any length may come first, so that TLVs behind them cannot be found.
  if (family === UNSPEC) return { kind: "unknown" };
  const tlvsAt = V2_FIXED_BYTES + (ADDRESS_BYTES[family] ?? 0);
  if (header.length < tlvsAt)
    throw new ProxyHeaderError("the PROXY protocol header is too short for its addresses");
  checkTlvs(header, tlvsAt);
  if (transport !== STREAM) return { kind: "unknown" };
  if (family === UNIX) return { kind: "unix" };
  return { kind: "address", address: toAddress(header.subarray(V2_FIXED_BYTES), family) };
}

function toAddress(bytes: Buffer, family: number): string {
  if (family === 1) return bytes.subarray(0, 4).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return toUsualIPv6(groups.join(":"));
}

/** Returns an IPv6 address as the kernel prints it, because the trusted ranges are compared with such addresses. */
function toUsualIPv6(address: string): string {
  return new SocketAddress({ address, family: "ipv6" }).address;
}

function checkTlvs(header: Buffer, from: number): void {
  for (const { type, start, end } of findTlvs(header, from, header.length)) {
    if (type === TLV_CRC32C) checkChecksum(header, start, end);
    if (type === TLV_SSL) checkSsl(header, start, end);
  }
}

function checkSsl(header: Buffer, start: number, end: number): void {
  if (end - start < SSL_FIXED_BYTES) throw toCutOff();
  Array.from(findTlvs(header, start + SSL_FIXED_BYTES, end));
}

/** One TLV: the place of its value. */
interface Tlv {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

function* findTlvs(header: Buffer, from: number, to: number): Generator<Tlv> {
  for (let at = from; at < to;) {
    const start = at + TLV_FIXED_BYTES;
    if (start > to) throw toCutOff();
    const end = start + header.readUInt16BE(at + 1);
    if (end > to) throw toCutOff();
    yield { type: header.readUInt8(at), start, end };
    at = end;
  }
}

function toCutOff(): ProxyHeaderError {
  return new ProxyHeaderError("the PROXY protocol header has a TLV that is cut off");
}

/** §2.2.3: the checksum is that of the header with zeros in the checksum's place. */
function checkChecksum(header: Buffer, start: number, end: number): void {
  const zeroed = Buffer.from(header).fill(0, start, end);
  if (end - start !== 4 || header.readUInt32BE(start) !== toCrc32c(zeroed))
    throw new ProxyHeaderError("the checksum of the PROXY protocol header is wrong");
}

/** CRC-32C (RFC 9260 appendix A) bit by bit: a table would be larger than any header. */
function toCrc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
