/** Watches the frames (RFC 9113 §4) that a client receives: node:http2 does not tell whether END_STREAM came before a reset. */

/** What came on one stream. */
export interface StreamFrames {
  /** END_STREAM came. */
  readonly isEnded: boolean;
  /** END_STREAM came with a header section, and no content before it. */
  readonly isEndedAtHead: boolean;
  /** The code of RST_STREAM. */
  readonly resetCode: number | undefined;
  /** A frame that may not come where it came. */
  readonly fault: string | undefined;
}

/** The watch over one connection. */
export interface FrameWatch {
  /** Takes the next bytes of the connection. */
  take(bytes: Buffer): void;
  of(stream: number): StreamFrames;
  /** The code of the last GOAWAY. */
  goaway(): number | undefined;
  /** A violation that belongs to no stream of the client. */
  fault(): string | undefined;
}

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const PUSH_PROMISE = 5;
const GOAWAY = 7;
const END_STREAM = 1;
const HEAD_BYTES = 9;
/** What is kept of a payload: as much as the codes of RST_STREAM and GOAWAY need. */
const KEPT_BYTES = 8;

interface Seen {
  hasHead: boolean;
  hasData: boolean;
  isEnded: boolean;
  isEndedAtHead: boolean;
  resetCode: number | undefined;
  fault: string | undefined;
}

const NOTHING: StreamFrames = {
  isEnded: false,
  isEndedAtHead: false,
  resetCode: undefined,
  fault: undefined,
};

/** Creates a watch for a new connection. */
export function watchFrames(): FrameWatch {
  const streams = new Map<number, Seen>();
  const head = Buffer.alloc(HEAD_BYTES);
  let headSize = 0;
  let left = 0;
  let kept = Buffer.alloc(0);
  let goaway: number | undefined;
  let fault: string | undefined;

  return {
    take,
    of: (stream) => streams.get(stream) ?? NOTHING,
    goaway: () => goaway,
    fault: () => fault,
  };

  function take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const isHead = headSize < HEAD_BYTES;
      const count = Math.min(isHead ? HEAD_BYTES - headSize : left, bytes.length - at);
      if (isHead) {
        bytes.copy(head, headSize, at, at + count);
        headSize += count;
        if (headSize === HEAD_BYTES) left = head.readUIntBE(0, 3);
      } else {
        const room = Math.min(count, KEPT_BYTES - kept.length);
        if (room > 0) kept = Buffer.concat([kept, bytes.subarray(at, at + room)]);
        left -= count;
      }
      at += count;
      if (headSize === HEAD_BYTES && left === 0) finishFrame();
    }
  }

  function finishFrame(): void {
    const [type = 0, flags = 0] = head.subarray(3, 5);
    onFrame(type, flags, head.readUInt32BE(5));
    headSize = 0;
    kept = Buffer.alloc(0);
  }

  function onFrame(type: number, flags: number, stream: number): void {
    if (type === GOAWAY) goaway = kept.readUInt32BE(4);
    else if (type === PUSH_PROMISE) fault ??= "PUSH_PROMISE, which the client has forbidden";
    else if (type === RST_STREAM) toSeen(stream).resetCode ??= kept.readUInt32BE(0);
    else if (type === DATA || type === HEADERS) {
      if (stream % 2 === 0) fault ??= `a frame of type ${type} on stream ${stream}`;
      record(toSeen(stream), type, (flags & END_STREAM) !== 0);
    }
  }

  function toSeen(stream: number): Seen {
    return streams.get(stream) ?? begin(stream);
  }

  function begin(stream: number): Seen {
    const seen: Seen = { ...NOTHING, hasHead: false, hasData: false };
    streams.set(stream, seen);
    return seen;
  }
}

function record(seen: Seen, type: number, isEnd: boolean): void {
  if (seen.resetCode !== undefined) seen.fault ??= `a frame of type ${type} after RST_STREAM`;
  if (seen.isEnded) seen.fault ??= `a frame of type ${type} after END_STREAM`;
  if (type === DATA && !seen.hasHead) seen.fault ??= "DATA before HEADERS";
  if (type === DATA) seen.hasData = true;
  else seen.hasHead = true;
  if (!isEnd) return;
  seen.isEnded = true;
  seen.isEndedAtHead = type === HEADERS && !seen.hasData;
}
