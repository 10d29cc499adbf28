/** Families of frames that break RFC 9113, strain its limits, or are mutated. */

import type { Random } from "../../shared/random.ts";
import { toJunk } from "../client-hello.ts";
import { SMUGGLED } from "../grammar.ts";
import { type FrameFamily, STREAM_FAMILIES } from "./families.ts";
import {
  FLAG,
  HEAD_BYTES,
  PREFACE,
  TYPE,
  readFrames,
  toFrame,
  toSettings,
  toUint32,
} from "./frames.ts";
import { toConnection, toPseudo, toSection, toSound } from "./grammar.ts";
import { createEncoder, toInteger } from "./hpack.ts";

const ID = [0, 0, 1, 1, 3, 5, 7, 2, 99, 0x7fffffff];
const CODES = [0, 1, 2, 3, 5, 7, 8, 11, 14, 0xffffffff];
const INCREMENTS = [0, 1, 100, 65_535, 0x7fff0000, 0x7fffffff, 0x80000000, 0xffffffff];
const SETTINGS: readonly (readonly [number, number])[] = [
  [1, 0], [1, 0xffffffff], [2, 0], [2, 1], [2, 2], [3, 0], [3, 1], [4, 0], [4, 1], [4, 0x7fffffff], [4, 0x80000000],
  [5, 16_384], [5, 16_383], [5, 0xffffffff], [6, 0], [6, 100], [8, 1], [8, 2], [99, 5],
]; // prettier-ignore

const encode = createEncoder();

function plain(type: number, stream: number, payload = "", flags = 0): string {
  return toFrame({ type, flags, stream, payload });
}

type MakeFrame = (random: Random, id: number) => string;

/** Frames that may stand anywhere: sound, or against one of their rules. */
const ODD: readonly MakeFrame[] = [
  (random, id) => plain(TYPE.data, id, toJunk(random, toLength(random)), random.below(16)),
  (random, id) =>
    plain(TYPE.data, id, `\xff${"x".repeat(random.pick([0, 254, 255]))}`, FLAG.padded),
  (random, id) => {
    const flags = random.pick([0, 1, 4, 5]) | random.pick([0, FLAG.padded, FLAG.priority]);
    return plain(TYPE.headers, id, encode(toPseudo(random, "GET", "/")), flags);
  },
  (random, id) => {
    const weight = toJunk(random, random.pick([1, 1, 0, 2]));
    return plain(TYPE.priority, id, toUint32(random.pick([0, id])) + weight);
  },
  (random, id) =>
    plain(TYPE.rstStream, id, toUint32(random.pick(CODES)) + (random.oneIn(4) ? "x" : "")),
  (random, id) => {
    const flags = random.oneIn(6) ? FLAG.ack : 0;
    const stream = random.oneIn(5) ? id : 0;
    return plain(TYPE.settings, stream, toSettings([random.pick(SETTINGS)]), flags);
  },
  (random) => plain(TYPE.settings, 0, toJunk(random, toLength(random))),
  (random, id) => {
    const promise = toUint32(2) + encode(toPseudo(random, "GET", "/"));
    return plain(TYPE.pushPromise, id, promise, FLAG.endHeaders);
  },
  (random, id) => {
    const payload = toJunk(random, random.oneIn(4) ? toLength(random) : 8);
    return plain(TYPE.ping, random.oneIn(4) ? id : 0, payload, random.oneIn(3) ? FLAG.ack : 0);
  },
  (random, id) => {
    const payload = toUint32(random.pick(ID)) + toUint32(random.pick(CODES));
    return plain(TYPE.goaway, random.oneIn(4) ? id : 0, payload + toJunk(random, random.below(9)));
  },
  (random) => plain(TYPE.goaway, 0, toJunk(random, toLength(random))),
  (random, id) =>
    plain(TYPE.windowUpdate, id, toUint32(random.pick(INCREMENTS)) + (random.oneIn(5) ? "x" : "")),
  (random, id) => {
    const flags = random.pick([0, FLAG.endHeaders]);
    return plain(TYPE.continuation, id, encode([["x-a", "b"]]), flags);
  },
  (random, id) =>
    plain(10 + random.below(246), id, toJunk(random, random.below(60)), random.below(256)),
];

function toOdd(random: Random): string {
  return random.pick(ODD)(random, random.pick(ID));
}

function toLength(random: Random): number {
  return random.pick([0, 1, 3, 4, 5, 8, 9]);
}

type Mutation = (random: Random, frames: readonly string[]) => readonly string[];

/** Changes one frame. */
function changing(change: (random: Random, frame: string) => string): Mutation {
  return (random, frames) => {
    const at = random.below(frames.length);
    return frames.with(at, change(random, frames[at] ?? ""));
  };
}

const MUTATIONS: readonly Mutation[] = [
  (random, frames) => frames.toSpliced(random.below(frames.length + 1), 0, toOdd(random)),
  (random, frames) => frames.toSpliced(random.below(frames.length + 1), 0, toOdd(random)),
  (random, frames) => frames.toSpliced(random.below(frames.length), 1),
  (random, frames) =>
    frames.toSpliced(random.below(frames.length), 0, frames[random.below(frames.length)] ?? ""),
  (random, frames) => {
    const [frame = ""] = frames.slice(random.below(frames.length));
    return frames.filter((one) => one !== frame).toSpliced(random.below(frames.length), 0, frame);
  },
  (random, frames) => frames.slice(0, 1 + random.below(frames.length)),
  // length
  changing(
    (random, frame) =>
      frame.slice(0, 1) +
      String.fromCharCode(random.pick([0, 0, 0, 64, 255]), random.below(256)) +
      frame.slice(3),
  ),
  // type, flags and stream
  changing(
    (random, frame) => frame.slice(0, 3) + String.fromCharCode(random.below(12)) + frame.slice(4),
  ),
  changing(
    (random, frame) =>
      frame.slice(0, 4) +
      String.fromCharCode(frame.charCodeAt(4) ^ (1 << random.below(8))) +
      frame.slice(5),
  ),
  changing(
    (random, frame) =>
      frame.slice(0, 5) +
      toUint32(random.oneIn(4) ? 2 ** 31 + random.pick(ID) : random.pick(ID)) +
      frame.slice(9),
  ),
  // a byte, bytes more or less, and an end within the frame
  changing((random, frame) => {
    const at = random.below(frame.length);
    return frame.slice(0, at) + toJunk(random, 1) + frame.slice(at + 1);
  }),
  changing((random, frame) => {
    const at = HEAD_BYTES + random.below(Math.max(1, frame.length - HEAD_BYTES));
    return withLength(
      frame.slice(0, at) + toJunk(random, random.below(5)) + frame.slice(at + random.below(5)),
    );
  }),
  (random, frames) => {
    const last = frames[random.below(frames.length)] ?? "";
    return [...frames, last.slice(0, random.below(last.length))];
  },
];

/** Writes the length that a frame has into its header. */
export function withLength(frame: string): string {
  return toUint32(Math.max(0, frame.length - HEAD_BYTES)).slice(1) + frame.slice(3);
}

/** A connection with each of its frames for itself, behind the preface if there is one, and before what is no whole frame. */
export function toSingleFrames(parts: readonly string[]): string[] {
  const text = parts.join("");
  const first = text.startsWith(PREFACE) ? PREFACE : "";
  const { frames, end } = readFrames(text, first.length);
  const all = [first, ...frames.map((frame) => toFrame(frame)), text.slice(end)];
  return all.filter((part) => part !== "");
}

/** The parts of a connection whose frames are mutated one to four times. */
function toMutated(random: Random, parts: readonly string[]): readonly string[] {
  let frames: readonly string[] = toSingleFrames(parts).slice(1);
  for (let count = 1 + random.below(4); count > 0; count -= 1)
    if (frames.length > 0) frames = random.pick(MUTATIONS)(random, frames);
  return [PREFACE, ...frames];
}

/** A sound connection with frames in its middle. */
function around(random: Random, ...frames: readonly string[]): readonly string[] {
  const parts = toConnection(random, [toSound(random), toSound(random)]);
  const at = 1 + random.below(parts.length);
  return [...parts.slice(0, at), ...frames, ...parts.slice(at)];
}

const MALFORMED_BLOCKS = [
  "\x80", // index 0
  "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", // an integer without end
  "\xbe", // the dynamic table's first entry, which is empty
  "\x40\x0ax", // a text that is longer than the block
  "\x00\x81\xff\x81\xff", // Huffman codes that are only EOS
  "\x00\x82\xff\xff\x01a", // padding of more than seven bits
  "\x3f\xff\xff\xff\x7f", // a table larger than allowed
  "\x82\x20", // a change of the table behind a field
  "\x0f",
];

/** Families of frames. */
export const FRAME_FAMILIES: readonly FrameFamily[] = [
  {
    name: "h2 frames: odd ones",
    expects: "either",
    make: (random) =>
      around(random, ...Array.from({ length: 1 + random.below(3) }, () => toOdd(random))),
  },
  {
    name: "h2 frames: a malformed field block",
    expects: "either",
    make(random) {
      const block = random.oneIn(3)
        ? toJunk(random, 1 + random.below(30))
        : random.pick(MALFORMED_BLOCKS);
      return around(
        random,
        toSection(random, 21, {
          block: encode(toPseudo(random, "GET", "/")) + block,
          isLast: true,
        }),
      );
    },
  },
  {
    name: "h2 frames: a torn field block",
    expects: "either",
    make(random) {
      const block = encode(toPseudo(random, "GET", "/"));
      const begin = plain(TYPE.headers, 21, block.slice(0, 10), FLAG.endStream);
      const rest = plain(
        TYPE.continuation,
        random.oneIn(3) ? 1 : 21,
        block.slice(10),
        FLAG.endHeaders,
      );
      const empty = plain(TYPE.continuation, 21).repeat(random.pick([0, 0, 1, 5, 20]));
      return around(
        random,
        begin,
        empty,
        random.oneIn(2) ? toOdd(random) : "",
        random.oneIn(4) ? "" : rest,
      );
    },
  },
  {
    name: "h2 frames: windows",
    expects: "either",
    make(random) {
      const settings = plain(
        TYPE.settings,
        0,
        toSettings([[4, random.pick([0, 1, 10, 1_000, 0x7fffffff])]]),
      );
      const updates = Array.from({ length: random.below(6) }, () =>
        plain(TYPE.windowUpdate, random.pick([0, 1, 3]), toUint32(random.pick(INCREMENTS))),
      );
      const [first = "", ...parts] = around(random, ...updates);
      return [first, settings, ...parts];
    },
  },
  {
    name: "h2 frames: floods",
    expects: "either",
    make(random) {
      const count = random.pick([50, 400, 1_500]);
      const make = random.pick<(index: number) => string>([
        () => plain(TYPE.ping, 0, "12345678"),
        () => plain(TYPE.settings, 0),
        () => plain(TYPE.data, 1),
        () => plain(TYPE.priority, 1, "\0\0\0\0\x01"),
        () => plain(TYPE.windowUpdate, 0, toUint32(1)),
        (index) =>
          plain(TYPE.headers, 101 + index * 2, encode(toPseudo(random, "GET", "/")), 5) +
          plain(TYPE.rstStream, 101 + index * 2, toUint32(8)),
        (index) => plain(TYPE.headers, 101 + index * 2, encode(toPseudo(random, "POST", "/")), 4),
        (index) => plain(TYPE.headers, 101 + index * 2, toInteger(2, 7, 0x80), 5),
      ]);
      return around(random, Array.from({ length: count }, (_, index) => make(index)).join(""));
    },
  },
  {
    name: "h2 frames: much content",
    expects: "either",
    make(random) {
      const sections = [1, 3].map((id) =>
        plain(TYPE.headers, id, encode(toPseudo(random, "POST", "/")), FLAG.endHeaders),
      );
      const data = Array.from({ length: random.below(12) }, () =>
        plain(TYPE.data, random.pick([1, 3]), "x".repeat(random.pick([1, 16_000, 16_384, 16_385]))),
      );
      const [first = ""] = toConnection(random, []);
      return [first, ...sections, ...data, plain(TYPE.data, 1, "", 1), plain(TYPE.data, 3, "", 1)];
    },
  },
  {
    name: "h2 frames: another beginning",
    expects: "either",
    make(random) {
      const [first = "", ...parts] = toConnection(random, [toSound(random)]);
      const settings = first.slice(PREFACE.length);
      const beginnings = [
        PREFACE.slice(0, random.below(PREFACE.length)),
        PREFACE,
        PREFACE + toOdd(random) + settings,
        PREFACE.replace("2.0", "1.1") + settings,
        PREFACE.toLowerCase() + settings,
        `\r\n${first}`,
        `GET / HTTP/1.1\r\nHost: a\r\n\r\n${first}`,
        PREFACE + first,
        SMUGGLED,
        toJunk(random, 40) + first,
      ];
      return [random.pick(beginnings), ...(random.oneIn(2) ? parts : [])];
    },
  },
];

/** Every family of frames and of streams, mutated. */
export const MUTATED_FRAMES: FrameFamily = {
  name: "h2 frames: mutated",
  expects: "either",
  make(random) {
    const base = random.pick([...STREAM_FAMILIES, ...FRAME_FAMILIES.slice(0, 4)]).make(random);
    return toMutated(random, base);
  },
};
