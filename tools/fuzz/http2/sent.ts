/** Reads what a client of HTTP/2 sent, by RFC 9113: its streams, and whether the connection may go on. */

import type { Field } from "../strict.ts";
import {
  FLAG,
  type Frame,
  MAX_PAYLOAD,
  PREFACE,
  TYPE,
  readFrames,
  readUint32,
  withoutPadding,
} from "./frames.ts";
import { createDecoder } from "./hpack.ts";

/** A stream that the client opened. */
export interface SentStream {
  readonly id: number;
  readonly fields: readonly Field[];
  /** The payloads of DATA. */
  readonly data: string[];
  trailers: readonly Field[] | undefined;
  /** END_STREAM came. */
  isEnded: boolean;
  /** RST_STREAM came. */
  isReset: boolean;
  /** The client broke a rule that concerns this stream, so the server may reset it. */
  isFaulty: boolean;
}

/**
 * What must become of the connection: it goes on, it ends because the client broke a rule, or it waits for the rest of a frame. `either`: the
 * RFC or a documented limit of headgate leaves it open.
 */
export type Fate = "goes on" | "ends" | "waits" | "either";

/** What a client sent. */
export interface Sent {
  /** It begins with the preface of HTTP/2, as far as it comes. */
  readonly isHttp2: boolean;
  readonly streams: ReadonlyMap<number, SentStream>;
  readonly fate: Fate;
  /** The payloads of the client's PING frames without ACK. */
  readonly pings: readonly string[];
  /** More than the server can have sent on one stream, and on the connection, by the client's windows. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** The smallest window of a stream: below some size a response may wait forever. */
  readonly minWindow: number;
}

/** More of these frames may exceed headgate's allowance (docs/tls.md). */
const MANY_CONTROL_FRAMES = 900;
const MANY_CONTINUATIONS = 7;
/** More of these at one time may take all connections to the upstream, or exceed the limit of a connection. */
const MANY_STREAMS = 50;
/** More content may exceed headgate's windows. */
const MUCH_DATA = 60_000;
const MAX_WINDOW = 2 ** 31 - 1;
const INITIAL_WINDOW = 65_535;
const HEADER_TABLE_SIZE = 1;
const ENABLE_PUSH = 2;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
/** The bytes of a frame before its payload. */
const FRAME_HEADER = 9;
/** Frames of extensions, of which nghttp2 knows some. */
const FIRST_UNKNOWN = 10;

/** A rule is broken, so the connection must end. */
class ConnectionError extends Error {}

/** Reads all bytes of a client. */
export function readSent(text: string): Sent {
  const reader = createReader();
  if (!text.startsWith(PREFACE)) {
    const isBegun = PREFACE.startsWith(text);
    return { ...reader.result(isBegun ? "waits" : "either"), isHttp2: isBegun };
  }
  const { frames, end } = readFrames(text, PREFACE.length);
  try {
    for (const frame of frames) reader.read(frame);
    reader.readBegun(text.slice(end));
    const length = end + 3 > text.length ? 0 : readUint32(`\0${text.slice(end, end + 3)}`);
    if (length > MAX_PAYLOAD) return reader.result("either"); // its reader need not wait for the rest
  } catch (error) {
    if (error instanceof ConnectionError) return reader.result("ends");
    throw error;
  }
  return reader.result(end < text.length || reader.isInBlock() ? "waits" : undefined);
}

// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
function createReader() {
  const decode = createDecoder();
  const streams = new Map<number, SentStream>();
  const pings: string[] = [];
  let isUnsure = false;
  let lastId = 0;
  let count = 0;
  let controls = 0;
  let content = 0;
  let windows: readonly number[] = [INITIAL_WINDOW];
  let streamIncrements = 0;
  let connectionWindow = INITIAL_WINDOW;
  const readers: Partial<Record<number, (frame: Frame) => void>> = {
    [TYPE.data]: readData,
    [TYPE.headers]: readHeaders,
    [TYPE.priority]: readPriority,
    [TYPE.rstStream]: readReset,
    [TYPE.settings]: readSettings,
    [TYPE.pushPromise]: () => require(false),
    [TYPE.ping]: readPing,
    [TYPE.goaway]: readGoaway,
    [TYPE.windowUpdate]: readWindowUpdate,
    [TYPE.continuation]: readContinuation,
  };
  let block: { stream: number; flags: number; payload: string; continuations: number } | undefined;

  return {
    isInBlock: () => block !== undefined,
    read,
    readBegun,
    result(known: Fate = "goes on"): Sent {
      const streamWindow = Math.max(...windows) + streamIncrements;
      const minWindow = Math.min(...windows);
      const fate = isUnsure ? "either" : known;
      return { isHttp2: true, streams, fate, pings, streamWindow, connectionWindow, minWindow };
    },
  };

  // oxlint-disable-next-line complexity -- one rule after the other
  function read(frame: Frame): void {
    count += 1;
    require(count > 1 || (frame.type === TYPE.settings && (frame.flags & FLAG.ack) === 0));
    if (frame.payload.length > MAX_PAYLOAD) {
      // §4.2 leaves open whether it ends the connection or only the stream; nghttp2 reads a CONTINUATION of any length.
      const types: readonly number[] = [TYPE.data, TYPE.continuation];
      require(types.includes(frame.type) || frame.type >= FIRST_UNKNOWN);
      isUnsure = true;
    }
    require(
      block === undefined || (frame.type === TYPE.continuation && frame.stream === block.stream),
    );
    if (frame.type !== TYPE.data && frame.type !== TYPE.headers) controls += 1;
    if (frame.type === TYPE.data && frame.payload.length < 2) controls += 1;
    if (controls > MANY_CONTROL_FRAMES) isUnsure = true;
    readers[frame.type]?.(frame);
    if (frame.type >= FIRST_UNKNOWN) isUnsure ||= frame.type <= 16;
  }

  function require(isKept: boolean): asserts isKept {
    if (!isKept) throw new ConnectionError();
  }

  /** Whether a stream was opened. Others are idle, or were passed over when a later one was opened. */
  function isOpened(id: number): boolean {
    return id % 2 === 1 && id <= lastId;
  }

  function readData(frame: Frame): void {
    require(isOpened(frame.stream));
    const data = withoutPadding(frame);
    if (data === undefined) return fault(streams.get(frame.stream)); // nghttp2 ignores the content of a stream that it has reset
    content += frame.payload.length;
    if (content > MUCH_DATA) isUnsure = true;
    const stream = streams.get(frame.stream);
    if (stream === undefined || stream.isEnded || stream.isReset) return fault(stream);
    stream.data.push(data);
    stream.isEnded = (frame.flags & FLAG.endStream) !== 0;
  }

  /** Reads a frame that is cut short: the content that came of a DATA frame may be forwarded. */
  function readBegun(bytes: string): void {
    const [type, flags] = [bytes.charCodeAt(3), bytes.charCodeAt(4)];
    if (bytes.length <= FRAME_HEADER || type !== TYPE.data || block !== undefined) return;
    const stream = streams.get(readUint32(bytes.slice(5)) & 0x7fffffff);
    const isOver = stream === undefined || stream.isEnded || stream.isReset;
    if (!isOver && (flags & FLAG.padded) === 0) stream.data.push(bytes.slice(FRAME_HEADER));
  }

  /** The RFC leaves open whether such an error concerns the stream or the connection, or nghttp2 chooses otherwise. */
  function fault(stream: SentStream | undefined): void {
    isUnsure = true;
    if (stream !== undefined) stream.isFaulty = true;
  }

  function readHeaders(frame: Frame): void {
    require(frame.stream % 2 === 1);
    let payload = withoutPadding(frame);
    require(payload !== undefined);
    if ((frame.flags & FLAG.priority) !== 0) {
      require(payload.length >= 5);
      if ((readUint32(payload) & 0x7fffffff) === frame.stream) fault(undefined);
      payload = payload.slice(5);
    }
    block = { stream: frame.stream, flags: frame.flags, payload, continuations: 0 };
    if ((frame.flags & FLAG.endHeaders) !== 0) endBlock();
  }

  function readContinuation(frame: Frame): void {
    require(block !== undefined);
    block.payload += frame.payload;
    block.continuations += 1;
    if (block.continuations > MANY_CONTINUATIONS) isUnsure = true;
    if ((frame.flags & FLAG.endHeaders) !== 0) endBlock();
  }

  function endBlock(): void {
    const { stream: id, flags, payload } = block as NonNullable<typeof block>;
    block = undefined;
    const fields = decode(payload);
    require(fields !== undefined);
    const isEnded = (flags & FLAG.endStream) !== 0;
    const stream = streams.get(id);
    if (stream !== undefined) return readTrailers(stream, fields, isEnded);
    if (id <= lastId) return fault(undefined);
    lastId = id;
    if (streams.size >= MANY_STREAMS) isUnsure = true;
    streams.set(id, {
      id,
      fields,
      data: [],
      trailers: undefined,
      isEnded,
      isReset: false,
      isFaulty: false,
    });
  }

  function readTrailers(stream: SentStream, fields: readonly Field[], isEnded: boolean): void {
    if (stream.isEnded || stream.isReset) return fault(stream);
    if (!isEnded) return void (stream.isFaulty = true); // RFC 9113 §8.1: malformed
    stream.trailers = fields;
    stream.isEnded = true;
  }

  function readPriority({ stream, payload }: Frame): void {
    // RFC 9113 §5.3.2 deprecates it, and later versions of nghttp2 ignore it, malformed ones too.
    const isOwn = (readUint32(payload) & 0x7fffffff) === stream;
    if (stream === 0 || payload.length !== 5 || isOwn) fault(streams.get(stream));
  }

  function readReset({ stream: id, payload }: Frame): void {
    require(isOpened(id) && payload.length === 4);
    const stream = streams.get(id);
    if (stream !== undefined) stream.isReset = true;
  }

  function readSettings({ stream, flags, payload }: Frame): void {
    require(stream === 0 && payload.length % 6 === 0);
    if ((flags & FLAG.ack) !== 0) {
      require(payload === "");
      isUnsure = true; // the server may wait for none
      return;
    }
    for (let offset = 0; offset < payload.length; offset += 6)
      readSetting(
        readUint32(`\0\0${payload.slice(offset, offset + 2)}`),
        readUint32(payload, offset + 2),
      );
  }

  function readSetting(id: number, value: number): void {
    if (id === ENABLE_PUSH) require(value <= 1);
    if (id === MAX_FRAME_SIZE) require(value >= MAX_PAYLOAD && value < 2 ** 24);
    if (id === INITIAL_WINDOW_SIZE) {
      require(value <= MAX_WINDOW);
      if (value + streamIncrements > MAX_WINDOW) isUnsure = true;
      windows = [...windows, value];
    }
    // The maximum of streams and of a header section may forbid the responses, and nghttp2 checks the settings of extensions.
    if (
      id !== HEADER_TABLE_SIZE &&
      id !== ENABLE_PUSH &&
      id !== INITIAL_WINDOW_SIZE &&
      id !== MAX_FRAME_SIZE
    )
      isUnsure = true;
  }

  function readPing({ stream, flags, payload }: Frame): void {
    require(stream === 0 && payload.length === 8);
    if ((flags & FLAG.ack) === 0) pings.push(payload);
  }

  function readGoaway({ stream, payload }: Frame): void {
    require(stream === 0 && payload.length >= 8);
    isUnsure = true;
  }

  function readWindowUpdate({ stream: id, payload }: Frame): void {
    require(payload.length === 4);
    const increment = readUint32(payload) & 0x7fffffff;
    if (id === 0) {
      require(increment > 0);
      connectionWindow += increment;
      require(connectionWindow <= MAX_WINDOW + MUCH_DATA); // what the server has sent makes room
      if (connectionWindow > MAX_WINDOW) isUnsure = true;
      return;
    }
    require(isOpened(id));
    streamIncrements += increment;
    if (increment === 0 || increment + Math.max(...windows) > MAX_WINDOW) fault(streams.get(id));
    if (streamIncrements + Math.max(...windows) > MAX_WINDOW) fault(streams.get(id));
  }
}
