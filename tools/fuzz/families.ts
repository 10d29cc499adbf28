/** All families, and the cases of a seed. */

import { RESPONSE_FAMILIES, type Script } from "./response-families.ts";
import { type Case, type Family, cut } from "./case.ts";
import { CONNECTION_FAMILIES } from "./connection-families.ts";
import { FRAMING_FAMILIES } from "./framing-families.ts";
import { type FrameFamily, STREAM_FAMILIES } from "./http2/families.ts";
import { FRAME_FAMILIES, MUTATED_FRAMES } from "./http2/frame-families.ts";
import { HEAD_FAMILIES } from "./head-families.ts";
import { readScript } from "./judge-response.ts";
import { mutate } from "./mutate.ts";
import { type Random, createRandom } from "../shared/random.ts";
import { TLS_FAMILIES, type TlsFamily } from "./tls-families.ts";

const REQUESTS: readonly Family<string>[] = [
  ...HEAD_FAMILIES,
  ...CONNECTION_FAMILIES,
  ...FRAMING_FAMILIES,
];

const MUTATED_REQUESTS: Family<string> = {
  name: "mutated",
  expects: "either",
  make: (random) => mutate(random, random.pick(REQUESTS).make(random)),
};

const MUTATED_RESPONSES: Family<Script> = {
  name: "answer: mutated",
  expects: "either",
  make(random) {
    const { bytes, after } = random.pick(RESPONSE_FAMILIES).make(random);
    return { bytes: mutate(random, bytes), after };
  },
};

type Maker = readonly [family: string, make: (random: Random) => Case];

// Mutations find unforeseen faults, so they make up a third of all cases.
const HTTP1: readonly Maker[] = [
  ...REQUESTS.flatMap((family) => [toRequestCase(family), toRequestCase(MUTATED_REQUESTS)]),
  ...RESPONSE_FAMILIES.map(toResponseCase),
  ...Array.from({ length: 8 }, () => toResponseCase(MUTATED_RESPONSES)),
];

// A connection with TLS or many frames costs ten times as much as the others, so they get fewer cases.
const MAKERS: readonly Maker[] = [
  ...Array.from({ length: 4 }, () => HTTP1).flat(),
  ...TLS_FAMILIES.map(toTlsCase),
  ...STREAM_FAMILIES.map(toFrameCase),
  ...FRAME_FAMILIES.map(toFrameCase),
  ...Array.from({ length: 12 }, () => toFrameCase(MUTATED_FRAMES)),
];

/** Generates case number `index` of a seed, independently of other cases. `only`: how the name of its family must begin. */
export function makeCase(seed: number, index: number, only = ""): Case {
  const makers = MAKERS.filter(([family]) => family.startsWith(only));
  const [, make] = makers[index % makers.length] ?? toRequestCase(MUTATED_REQUESTS);
  return make(createRandom(Math.imul(seed, 0x9e3779b1) + index));
}

function toRequestCase({ name, expects, make }: Family<string>): Maker {
  const toCase = (random: Random): Case => ({
    kind: "request",
    family: name,
    expects,
    parts: cut(random, make(random)),
  });
  return [name, toCase];
}

function toResponseCase({ name, expects, make }: Family<Script>): Maker {
  const toCase = (random: Random): Case => {
    const { bytes, after } = make(random);
    const method = random.pick(["GET", "HEAD"] as const);
    const parts = joinSurplus(cut(random, bytes), bytes);
    return { kind: "answer", family: name, expects, method, parts, after };
  };
  return [name, toCase];
}

function toFrameCase({ name, expects, make }: FrameFamily): Maker {
  const toCase = (random: Random): Case => ({
    kind: "http2",
    family: name,
    expects,
    parts: make(random),
    pace: random.pick(["at once", "part by part", "in pieces"]),
  });
  return [name, toCase];
}

function toTlsCase({ name, expects, isInside, make }: TlsFamily): Maker {
  const toCase = (random: Random): Case => ({
    kind: "tls",
    family: name,
    expects,
    isInside,
    parts: cut(random, make(random)),
  });
  return [name, toCase];
}

// Bytes after a response that are sent later may arrive after the next request was sent. Any reader then takes them as the response
// to that request (RFC 9112 §9.2): a proxy can detect only bytes that arrive together with the end of the response.
function joinSurplus(parts: readonly string[], bytes: string): readonly string[] {
  const end = bytes.length - readScript(bytes, { method: "GET", close: "open" }).surplus;
  let at = 0;
  const kept = parts.slice(0, -1).filter(({ length }) => (at += length) < end);
  return [...kept, bytes.slice(kept.join("").length)];
}
