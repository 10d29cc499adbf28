/** Writes the first message of a TLS client (RFC 8446 §4.1.2), and records (§5.1). Texts are Latin-1. */

import type { Random } from "../shared/random.ts";

/** The content types of records. */
export const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;

const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");

/** Writes a record. */
export function toRecord(type: number, content: string, version = "\x03\x03"): string {
  return `${String.fromCharCode(type)}${version}${toLength(content.length, 2)}${content}`;
}

/** Random bytes. */
export function toJunk(random: Random, count: number): string {
  return random.text(ALL_BYTES, count);
}

/** Writes the ClientHello of a client of TLS 1.3, without a record around it. */
export function toClientHello(random: Random): string {
  const extensions = [
    toExtension(0, withLength(`\0${withLength("backend.test", 2)}`, 2)), // server_name
    toExtension(10, withLength("\0\x1d", 2)), // supported_groups: x25519
    toExtension(13, withLength("\x04\x03\x08\x04", 2)), // signature_algorithms: ECDSA with P-256, RSA-PSS
    toExtension(16, withLength(random.pick(["\x02h2", "\x08http/1.1", "\x02h2\x08http/1.1"]), 2)),
    toExtension(43, withLength("\x03\x04", 1)), // supported_versions: TLS 1.3
    toExtension(51, withLength(`\0\x1d${withLength(toJunk(random, 32), 2)}`, 2)), // key_share
  ];
  const suites = withLength("\x13\x01", 2);
  const session = withLength(toJunk(random, random.pick([0, 32])), 1);
  const body = `\x03\x03${toJunk(random, 32)}${session}${suites}\x01\0${withLength(extensions.join(""), 2)}`;
  return `\x01${withLength(body, 3)}`;
}

/** Cuts a message into records at random places; most often into one record. */
export function toRecords(random: Random, message: string): string {
  let records = "";
  const isCut = random.oneIn(2);
  for (let at = 0; at < message.length;) {
    const size = isCut ? 1 + random.below(random.pick([4, 64, 256])) : message.length;
    records += toRecord(RECORD.handshake, message.slice(at, at + size), "\x03\x01");
    at += size;
  }
  return records;
}

function toExtension(type: number, content: string): string {
  return `${toLength(type, 2)}${withLength(content, 2)}`;
}

function withLength(content: string, bytes: number): string {
  return `${toLength(content.length, bytes)}${content}`;
}

function toLength(length: number, bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(length, 0, bytes);
  return buffer.toString("latin1");
}
