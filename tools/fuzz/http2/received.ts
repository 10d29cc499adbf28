/** Reads what a server of HTTP/2 sent, strictly (RFC 9113). */

import type { Field } from "../strict.ts";
import {
  FLAG,
  type Frame,
  HEAD_BYTES,
  MAX_PAYLOAD,
  TYPE,
  readFrames,
  readUint32,
  withoutPadding,
} from "./frames.ts";
import { createDecoder } from "./hpack.ts";

/** A header section of a response. */
export interface ReceivedHead {
  readonly status: number;
  readonly fields: readonly Field[];
  /** Whether END_STREAM came with it. */
  readonly isLast: boolean;
}

/** What came on one stream. */
export interface ReceivedStream {
  readonly interim: ReceivedHead[];
  final: ReceivedHead | undefined;
  body: string;
  trailers: readonly Field[] | undefined;
  /** END_STREAM came. */
  isEnded: boolean;
  /** The error code of RST_STREAM. */
  resetCode: number | undefined;
}

/** What came on a connection. */
export interface ReceivedFrames {
  readonly streams: ReadonlyMap<number, ReceivedStream>;
  /** The rules that the server broke. */
  readonly problems: readonly string[];
  /** The payloads of PING frames with ACK. */
  readonly pongs: readonly string[];
  /** The error code of the last GOAWAY. */
  readonly goawayCode: number | undefined;
  /** Whether the bytes end within a frame. */
  readonly isCut: boolean;
}

/** The larger of the settings that a client may announce for the server's dynamic table. */
const MAX_TABLE_BYTES = 2 ** 32;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9113 §8.2.1. */
const VALUE = /^(?![\t ])[^\0\r\n]*(?<![\t ])$/;
const OF_CONNECTION =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings)$/;

/** Reads all bytes of a server. */
export function readReceived(text: string): ReceivedFrames {
  const { frames, end } = readFrames(text);
  const reader = createReader();
  for (const frame of frames) reader.read(frame);
  const isCut = end < text.length;
  if (
    isCut &&
    end + HEAD_BYTES <= text.length &&
    readUint32(`\0${text.slice(end, end + 3)}`) > MAX_PAYLOAD
  )
    reader.complain("a frame that is too large");
  return { ...reader.result(), isCut };
}

// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
function createReader() {
  const decode = createDecoder(MAX_TABLE_BYTES);
  const streams = new Map<number, ReceivedStream>();
  const problems: string[] = [];
  const pongs: string[] = [];
  let goawayCode: number | undefined;
  let count = 0;
  let block: { stream: number; flags: number; payload: string } | undefined;

  return { read, complain, result: () => ({ streams, problems, pongs, goawayCode }) };

  function complain(problem: string): void {
    problems.push(problem);
  }

  function check(isKept: boolean, problem: string): void {
    if (!isKept) complain(problem);
  }

  // oxlint-disable-next-line complexity -- one case for each type
  function read(frame: Frame): void {
    const { type, flags, stream, payload } = frame;
    count += 1;
    check(count > 1 || (type === TYPE.settings && flags === 0), "it does not begin with SETTINGS");
    check(payload.length <= MAX_PAYLOAD, "a frame that is too large");
    const isWanted = type === TYPE.continuation && stream === block?.stream;
    check(block === undefined ? type !== TYPE.continuation : isWanted, "a torn field block");
    switch (type) {
      case TYPE.data:
        return readData(frame);
      case TYPE.headers: {
        const fragment = withoutPadding(frame) ?? "";
        const isPrior = (flags & FLAG.priority) !== 0;
        block = { stream, flags, payload: isPrior ? fragment.slice(5) : fragment };
        return endBlock(flags);
      }
      case TYPE.continuation:
        if (block !== undefined) block.payload += payload;
        return endBlock(flags);
      case TYPE.rstStream:
        check(
          payload.length === 4 && streamOf(stream).resetCode === undefined,
          "a wrong RST_STREAM",
        );
        streamOf(stream).resetCode = readUint32(payload);
        return;
      case TYPE.settings:
        check(stream === 0 && payload.length % 6 === 0, "wrong SETTINGS");
        check((flags & FLAG.ack) === 0 || payload === "", "wrong SETTINGS");
        return;
      case TYPE.ping:
        check(stream === 0 && payload.length === 8, "a wrong PING");
        if (flags === FLAG.ack) pongs.push(payload);
        return;
      case TYPE.goaway:
        // Its last stream may grow: nghttp2 still processes streams that cross a GOAWAY of both sides.
        check(stream === 0 && payload.length >= 8, "a wrong GOAWAY");
        goawayCode = readUint32(payload, 4);
        return;
      case TYPE.windowUpdate:
        check(payload.length === 4 && readUint32(payload) > 0, "a wrong WINDOW_UPDATE");
        return;
      default:
        complain(`a frame of type ${type}`);
    }
  }

  function streamOf(id: number): ReceivedStream {
    const known = streams.get(id);
    if (known !== undefined) return known;
    const created: ReceivedStream = {
      interim: [],
      final: undefined,
      body: "",
      trailers: undefined,
      isEnded: false,
      resetCode: undefined,
    };
    streams.set(id, created);
    return created;
  }

  /** Whether the server may send more of a response. */
  function isOpen({ isEnded, resetCode }: ReceivedStream): boolean {
    return !isEnded && resetCode === undefined;
  }

  function readData(frame: Frame): void {
    const stream = streamOf(frame.stream);
    const data = withoutPadding(frame);
    check(stream.final !== undefined && isOpen(stream) && data !== undefined, "DATA out of place");
    stream.body += data ?? "";
    stream.isEnded ||= (frame.flags & FLAG.endStream) !== 0;
  }

  function endBlock(flags: number): void {
    if ((flags & FLAG.endHeaders) === 0 || block === undefined) return;
    const fields = decode(block.payload);
    const stream = streamOf(block.stream);
    const isLast = (block.flags & FLAG.endStream) !== 0;
    block = undefined;
    check(isOpen(stream), "HEADERS out of place");
    stream.isEnded ||= isLast;
    if (fields === undefined) return complain("a malformed field block");
    const [[first, digits] = ["", ""], ...others] = fields;
    const isTrailers = stream.final !== undefined;
    const regular = isTrailers ? fields : others;
    const wrong = regular.find((field) => !isSound(field));
    if (wrong !== undefined) complain(`the field ${JSON.stringify(wrong)}`);
    if (isTrailers) {
      check(isLast, "trailers that do not end the stream");
      stream.trailers = fields;
      return;
    }
    const status = Number(digits);
    check(first === ":status" && /^[1-5]\d\d$/.test(digits) && status !== 101, "a wrong status");
    const head = { status, fields: regular, isLast };
    if (status >= 200) stream.final = head;
    else {
      check(!isLast, "an interim response that ends the stream");
      stream.interim.push(head);
    }
  }
}

function isSound([name, value]: Field): boolean {
  return NAME.test(name) && VALUE.test(value) && !OF_CONNECTION.test(name);
}
