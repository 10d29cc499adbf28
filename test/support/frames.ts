/** A client of HTTP/2 that writes the frames (RFC 9113 §4) that a test gives it, hostile ones too. */

import { EventEmitter, once } from "node:events";
import { connect } from "node:net";

import type { Cleanup } from "./wire.ts";

/** The types of frames (RFC 9113 §6) that tests use. */
export const TYPE = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A connection that speaks frames. */
export interface FrameWire {
  write(bytes: string | Buffer): void;
  /** All frames so far. */
  readonly frames: readonly Frame[];
  /** Resolves with the first frame, past or future, that fits. Rejects if the connection ends before. */
  frame(isWanted: (frame: Frame) => boolean): Promise<Frame>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  pause(): void;
  resume(): void;
  end(): void;
}

/** The beginning of a connection: the preface and empty SETTINGS. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Connects and sends `first`: the preface and empty SETTINGS if it is left out. */
export async function openFrames(
  t: Cleanup,
  port: number,
  first: Buffer = Buffer.concat([Buffer.from(PREFACE), toFrame(TYPE.settings, 0, 0)]),
): Promise<FrameWire> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  t.after(() => void socket.destroy());
  const frames: Frame[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  let unread = Buffer.alloc(0);
  let isClosed = false;
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    unread = Buffer.concat([unread, bytes]);
    for (let size = toSize(unread); size <= unread.length; size = toSize(unread)) {
      frames.push(readFrame(unread.subarray(0, size)));
      unread = unread.subarray(size);
    }
    news.emit("news");
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isClosed = true;
      news.emit("news");
      resolve();
    });
  });
  await once(socket, "connect");
  socket.write(first);
  return {
    frames,
    closed,
    write: (bytes) => void socket.write(bytes),
    async frame(isWanted) {
      for (;;) {
        const found = frames.find(isWanted);
        if (found !== undefined) return found;
        if (isClosed) throw new Error(`closed after ${JSON.stringify(frames.map(describe))}`);
        await once(news, "news", { signal: AbortSignal.timeout(15_000) });
      }
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
  };
}

/** Whether a frame resets that stream. */
export function isReset(stream: number): (frame: Frame) => boolean {
  return (frame) => frame.type === TYPE.rstStream && frame.stream === stream;
}

/** The error code of a RST_STREAM or a GOAWAY. */
export function codeOf({ type, payload }: Frame): number {
  return payload.readUInt32BE(type === TYPE.goaway ? 4 : 0);
}

/** Writes a frame. */
export function toFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The pseudo-fields of `GET / `. */
export const GET: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "a.example"],
  [":path", "/"],
];

/** Writes HEADERS that are complete; `flags`: END_STREAM if it is left out. */
export function toHeaders(
  stream: number,
  fields: readonly (readonly [string, string])[] = GET,
  flags: number = FLAG.endStream,
): Buffer {
  return toFrame(TYPE.headers, flags | FLAG.endHeaders, stream, toFieldBlock(fields));
}

/** Writes a field block: literals without indexing and without Huffman codes (RFC 7541 §6.2.2). */
export function toFieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), toText(name), toText(value)]),
  );
}

/** Writes a text of HPACK (RFC 7541 §5.2). */
export function toText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([toInteger(bytes.length), bytes]);
}

/** RFC 7541 §5.1, with a prefix of seven bits. */
function toInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function toSize(bytes: Buffer): number {
  return bytes.length < 9 ? Infinity : 9 + bytes.readUIntBE(0, 3);
}

function readFrame(bytes: Buffer): Frame {
  const [type = 0, flags = 0] = bytes.subarray(3, 5);
  return { type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9) };
}

function describe({ type, flags, stream, payload }: Frame): string {
  return `${type}/${flags}/${stream}/${payload.toString("hex", 0, 16)}`;
}
