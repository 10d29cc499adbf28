/** Frames of HTTP/2 (RFC 9113 §4). Texts are Latin-1. */

/** The types of frames (§6). */
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** Error codes (§7). */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

/** The beginning of each connection (§3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The largest payload that a peer takes unless it says otherwise (§4.2). */
export const MAX_PAYLOAD = 16_384;

/** The length of a frame's header. */
export const HEAD_BYTES = 9;

/** A frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

/** Writes a frame. */
export function toFrame({ type, flags, stream, payload }: Frame): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return head.toString("latin1") + payload;
}

/** Reads whole frames from `start`, and where the first incomplete one begins. */
export function readFrames(
  text: string,
  start = 0,
): { readonly frames: Frame[]; readonly end: number } {
  const frames: Frame[] = [];
  let end = start;
  while (end + HEAD_BYTES <= text.length) {
    const head = Buffer.from(text.slice(end, end + HEAD_BYTES), "latin1");
    const next = end + HEAD_BYTES + head.readUIntBE(0, 3);
    if (next > text.length) break;
    const [type = 0, flags = 0] = head.subarray(3, 5);
    const stream = head.readUInt32BE(5) & 0x7fffffff; // the first bit is reserved
    frames.push({ type, flags, stream, payload: text.slice(end + HEAD_BYTES, next) });
    end = next;
  }
  return { frames, end };
}

/** Writes 32 bits. */
export function toUint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString("latin1");
}

/** Reads 32 bits. */
export function readUint32(text: string, offset = 0): number {
  return Buffer.from(text.slice(offset, offset + 4).padStart(4, "\0"), "latin1").readUInt32BE();
}

/** Writes settings: pairs of an identifier and a value (§6.5.1). */
export function toSettings(pairs: readonly (readonly [id: number, value: number])[]): string {
  return pairs.map(([id, value]) => `\0${String.fromCharCode(id)}${toUint32(value)}`).join("");
}

/** The payload of a DATA or HEADERS frame without its padding; undefined if the padding is malformed (§6.1). */
export function withoutPadding({ flags, payload }: Frame): string | undefined {
  if ((flags & FLAG.padded) === 0) return payload;
  const padding = payload.charCodeAt(0);
  return payload === "" || padding >= payload.length
    ? undefined
    : payload.slice(1, payload.length - padding);
}

/** Describes frames for people. */
export function describeFrames(text: string): string {
  const begins = text.startsWith(PREFACE);
  const { frames, end } = readFrames(text, begins ? PREFACE.length : 0);
  const names = Object.keys(TYPE);
  const lines = frames.map(
    ({ type, flags, stream, payload }) =>
      `${names[type] ?? type} flags=${flags} stream=${stream} ${JSON.stringify(payload.slice(0, 200))}`,
  );
  const rest = end === text.length ? [] : [`rest ${JSON.stringify(text.slice(end, end + 200))}`];
  return [...(begins ? ["preface"] : []), ...lines, ...rest].join("\n    ");
}
