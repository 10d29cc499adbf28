/** Reads the name that a client of TLS asks for (SNI, RFC 6066 §3) from its ClientHello (RFC 8446 §4.1.2). */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
/** legacy_version and random. */
const VERSION_AND_RANDOM = 34;
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** Hellos of clients have up to about 2 KiB. What a longer one asks for is not read. */
const MAX_BYTES = 16_384;
/** A hello in thousands of records, read anew with each of its bytes, would cost much. */
const MAX_RECORDS = 64;
const NO_MESSAGE = Buffer.alloc(0);

/**
 * Returns the name in lower case, and "" if the ClientHello has none, is malformed or is too long: OpenSSL decides about those. Returns
 * undefined if `bytes` end before the ClientHello does.
 */
export function parseServerName(bytes: Buffer): string | undefined {
  const message = readMessage(bytes);
  if (message === undefined) return bytes.length < MAX_BYTES ? undefined : "";
  try {
    return findServerName(message).toLowerCase();
  } catch (error) {
    if (error instanceof RangeError) return ""; // a length that leads beyond the message
    throw error;
  }
}

/** Joins the records' content to the first handshake message. Empty if it is no ClientHello, and undefined if bytes are missing. */
function readMessage(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let held = 0;
  let length = Infinity;
  for (let at = 0; at + RECORD_HEADER <= bytes.length && held < length;) {
    const end = at + RECORD_HEADER + bytes.readUInt16BE(at + 3);
    const part = bytes.subarray(at + RECORD_HEADER, end);
    if (bytes[at] !== HANDSHAKE || end === at + RECORD_HEADER || parts.length === MAX_RECORDS)
      return NO_MESSAGE;
    parts.push(part);
    held += part.length;
    at = end;
    if (length !== Infinity || held < MESSAGE_HEADER) continue;
    const header = Buffer.concat(parts);
    if (header[0] !== CLIENT_HELLO) return NO_MESSAGE;
    length = MESSAGE_HEADER + header.readUIntBE(1, 3);
  }
  return held < length ? undefined : Buffer.concat(parts).subarray(MESSAGE_HEADER, length);
}

/** Throws a RangeError if a length leads beyond the message. */
function findServerName(message: Buffer): string {
  let at = VERSION_AND_RANDOM;
  at += 1 + message.readUInt8(at); // legacy_session_id
  at += 2 + message.readUInt16BE(at); // cipher_suites
  at += 1 + message.readUInt8(at); // legacy_compression_methods
  at += 2; // the length of the extensions, which end with the message
  while (at < message.length) {
    const type = message.readUInt16BE(at);
    const end = at + 4 + message.readUInt16BE(at + 2);
    // The list has one entry: OpenSSL refuses a second one of its type, and there is no other type.
    if (type === SERVER_NAME && message.readUInt8(at + 6) === HOST_NAME)
      return message.toString(
        "latin1",
        at + 9,
        Math.min(end, at + 9 + message.readUInt16BE(at + 7)),
      );
    at = end;
  }
  return "";
}
