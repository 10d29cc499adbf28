/** Builds headers of the PROXY protocol, version 2. */

/** The TLV of the checksum. */
export const CRC32C = 0x03;
/** The TLV of what the proxy knows about its client's TLS. */
export const SSL = 0x20;

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** The parts of a header. */
export interface V2Header {
  /** Version and command; PROXY of version 2 if left out. */
  readonly command?: number;
  /** Family and transport. */
  readonly family: number;
  /** Addresses and TLVs. */
  readonly rest: Buffer;
  /** Sets the last four bytes, the value of a CRC32C TLV. */
  readonly checksum?: "right";
}

/** Builds a header. */
export function toV2({ command = 0x21, family, rest, checksum }: V2Header): Buffer {
  const fixed = Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]);
  const header = Buffer.concat([SIGNATURE, fixed, rest]);
  if (checksum === "right") header.writeUInt32BE(toCrc32c(header), header.length - 4);
  return header;
}

/** Builds a TLV. */
export function toTlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

/** CRC-32C by polynomial division of the message as one large number, which shares no step with the usual loop over bytes. */
export function toCrc32c(message: Buffer): number {
  const reflect = (value: bigint, bits: number): bigint =>
    BigInt(`0b${[...value.toString(2).padStart(bits, "0")].toReversed().join("")}`);
  const bits = 8 * message.length;
  let rest = 0n;
  for (const byte of message) rest = (rest << 8n) | reflect(BigInt(byte), 8);
  rest = (rest << 32n) ^ (0xffffffffn << BigInt(bits));
  const divisor = 0x11edc6f41n;
  for (let at = bits + 31; at >= 32; at -= 1)
    if ((rest >> BigInt(at)) & 1n) rest ^= divisor << BigInt(at - 32);
  return Number(reflect(rest ^ 0xffffffffn, 32));
}
