/** Writes requests as streams of HTTP/2, and connections of several streams. */

import type { Random } from "../../shared/random.ts";
import { VALUES, toBody, toTarget } from "../grammar.ts";
import type { Field } from "../strict.ts";
import { FLAG, PREFACE, TYPE, toFrame, toSettings, toUint32 } from "./frames.ts";
import { type Encode, createEncoder } from "./hpack.ts";

/** A request, sound or not. */
export interface StreamRequest {
  readonly fields: readonly Field[];
  /** Undefined: the header section ends the stream. */
  readonly body?: string | undefined;
  readonly trailers?: readonly Field[] | undefined;
  /** What follows: nothing if END_STREAM is left out. */
  readonly end?: "whole" | "open" | "reset";
}

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "PROPFIND",
  "get",
  "!#$%&'*+-.^_`|~09",
];
const HEAD_PATHS = [
  "/head-convert/x",
  "/head-auto/x",
  "/head-pass/x",
  "/head-observe/x",
  "/head-reject/x",
  "/head-measure/x",
  "/head-probe/x",
];
const NAMES = [
  "x-a",
  "accept",
  "user-agent",
  "x_under",
  "__proto__",
  "constructor",
  "7",
  "!#$%&'*+-.^_`|~",
  "x-long-name-to-index",
];
const STREAM_VALUES = [...VALUES, "x".repeat(300)];
const AUTHORITIES = ["a.example", "b.example:8080", "[::1]:80", "127.0.0.1", "A.Example"];

/** The pseudo-fields of a request. */
export function toPseudo(
  random: Random,
  method = random.pick(METHODS),
  path = toPath(random, method),
): Field[] {
  const pseudo: Field[] = [
    [":method", method],
    [":scheme", random.pick(["http", "https"])],
    [":authority", random.pick(AUTHORITIES)],
    [":path", path],
  ];
  const at = random.below(pseudo.length);
  return [...pseudo.slice(at), ...pseudo.slice(0, at)];
}

function toPath(random: Random, method: string): string {
  if (method === "HEAD" && random.oneIn(2))
    return random.pick(HEAD_PATHS.filter((path) => path !== "/head-reject/x"));
  return toTarget(random);
}

/** Regular fields without an effect on framing. */
export function toRegular(random: Random): Field[] {
  return Array.from({ length: random.below(6) }, (): Field =>
    random.oneIn(4)
      ? ["cookie", random.pick(["a=b", "c=d", "e"])]
      : [random.pick(NAMES), random.pick(STREAM_VALUES)],
  );
}

/** A sound request of any kind. */
export function toSound(random: Random, pseudo = toPseudo(random)): StreamRequest {
  const regular = toRegular(random);
  if (random.oneIn(2)) return { fields: [...pseudo, ...regular] };
  const body = toBody(random);
  const length: Field[] = random.oneIn(2) ? [["content-length", String(body.length)]] : [];
  const trailers: Field[] | undefined =
    length.length === 0 && random.oneIn(4)
      ? [
          ["x-trailer", "a"],
          ["x-b", ""],
        ]
      : undefined;
  return { fields: [...pseudo, ...regular, ...length], body, trailers };
}

/** Writes the frames of a request; each text of the list may leave by itself. */
function toStream(random: Random, id: number, request: StreamRequest, encode: Encode): string[] {
  const { fields, body, trailers, end = "whole" } = request;
  const isLast = end === "whole" && body === undefined && trailers === undefined;
  const parts = [toSection(random, id, { block: encode(fields), isLast })];
  if (body !== undefined)
    parts.push(...toData(random, id, body, end === "whole" && trailers === undefined));
  if (trailers !== undefined)
    parts.push(toSection(random, id, { block: encode(trailers), isLast: end === "whole" }));
  if (end === "reset")
    parts.push(
      toFrame({
        type: TYPE.rstStream,
        flags: 0,
        stream: id,
        payload: toUint32(random.pick([0, 2, 8])),
      }),
    );
  return parts;
}

/** HEADERS with CONTINUATION, with padding and priority at random. */
export function toSection(
  random: Random,
  stream: number,
  { block, isLast }: { block: string; isLast: boolean },
): string {
  const cuts = random.oneIn(4)
    ? [random.below(block.length + 1), random.below(block.length + 1)].toSorted((a, b) => a - b)
    : [];
  const fragments = [0, ...cuts].map((from, index) => block.slice(from, cuts[index]));
  return fragments
    .map((fragment, index) => {
      const isEnd = index === fragments.length - 1 ? FLAG.endHeaders : 0;
      if (index > 0)
        return toFrame({ type: TYPE.continuation, flags: isEnd, stream, payload: fragment });
      const hasPriority = random.oneIn(6);
      const priority = hasPriority ? `${toUint32(0)}\x10` : "";
      const flags = isEnd | (isLast ? FLAG.endStream : 0) | (hasPriority ? FLAG.priority : 0);
      return toPadded(random, { type: TYPE.headers, flags, stream, payload: priority + fragment });
    })
    .join("");
}

function toPadded(random: Random, frame: Parameters<typeof toFrame>[0]): string {
  if (!random.oneIn(5)) return toFrame(frame);
  const padding = random.below(random.pick([1, 20, 255]));
  const payload = `${String.fromCharCode(padding)}${frame.payload}${"\0".repeat(padding)}`;
  return toFrame({ ...frame, flags: frame.flags | FLAG.padded, payload });
}

function toData(random: Random, stream: number, body: string, isLast: boolean): string[] {
  const parts: string[] = [];
  const ends = isLast && random.oneIn(4) ? "alone" : "with the last";
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, 1 + random.below(random.pick([4, 64, 4096])), 16_000);
    if (parts.length > 60) parts.push("");
    const payload = body.slice(at, parts.length > 60 ? at + 8_000 : at + size);
    at += payload.length;
    const flags = isLast && ends !== "alone" && at >= body.length ? FLAG.endStream : 0;
    parts.push(toPadded(random, { type: TYPE.data, flags, stream, payload }));
  }
  if (isLast && (ends === "alone" || body === ""))
    parts.push(toPadded(random, { type: TYPE.data, flags: FLAG.endStream, stream, payload: "" }));
  return parts.filter((part) => part !== "");
}

/** A connection: its beginning, and its streams, whose frames are mixed at random. */
export function toConnection(random: Random, requests: readonly StreamRequest[]): string[] {
  const encode = createEncoder(random);
  const parts = [
    PREFACE + toFrame({ type: TYPE.settings, flags: 0, stream: 0, payload: toOwnSettings(random) }),
  ];
  const open: string[][] = [];
  let next = 0;
  while (next < requests.length || open.length > 0) {
    const request = requests[next];
    if (request !== undefined && (open.length === 0 || random.oneIn(2))) {
      const [head = "", ...rest] = toStream(random, next * 2 + 1, request, encode);
      // Trailers are encoded with the head, so later heads may only follow them.
      parts.push(head);
      if (request.trailers !== undefined) parts.push(...rest);
      else if (rest.length > 0) open.push(rest);
      next += 1;
      continue;
    }
    const queue = open[random.below(open.length)] as string[];
    parts.push(queue.shift() as string);
    if (queue.length === 0) open.splice(open.indexOf(queue), 1);
  }
  return parts;
}

function toOwnSettings(random: Random): string {
  return random.pick([
    "",
    "",
    toSettings([
      [2, 0],
      [4, 1_000_000],
    ]),
    toSettings([[1, random.pick([0, 100, 65_536])]]),
    toSettings([[5, 100_000]]),
  ]);
}
