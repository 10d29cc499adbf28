/** The plan of one exchange: the client draws it, and the request's path carries it to the upstream. */

import { type FaultName, weightsFor } from "./faults.ts";
import { type HeadWay, drawHeadWay } from "./heads.ts";
import type { Random } from "../shared/random.ts";

/** How the content of a response is framed. */
export type Framing = "length" | "chunked" | "close";
/**
 * The upstreams: `tcp` is an address that reloads change; `unix` is a path that leads to another socket without a reload; `pair` is a
 * name with several addresses; `tls` uses TLS; `narrow` allows few connections and closes them early; the name server responds slowly
 * for `slow` and never for `hung`.
 */
export type Road = "tcp" | "unix" | "pair" | "tls" | "narrow" | "slow" | "hung";

/** The weight of each road; roads that are left out do not exist in the run. */
export type Roads = Readonly<Partial<Record<Road, number>>>;

/** The weights by default. */
export const ROADS: Readonly<Record<Road, number>> = {
  hung: 0.15,
  slow: 4,
  tcp: 22,
  unix: 22,
  pair: 22,
  tls: 16,
  narrow: 14,
};

/** The part of a plan that the upstream has to know. */
export interface Order {
  readonly road: Road;
  readonly id: string;
  readonly fault: FaultName | "upgrade";
  readonly framing: Framing;
  /** The size of the response's content in bytes. */
  readonly size: number;
  /** The size of the request's content in bytes; 0 if it has none. */
  readonly upload: number;
  /** Chooses among a fault's variants, and the position where a response is cut. */
  readonly salt: number;
}

/** A request method. */
export type Method = "GET" | "HEAD" | "POST" | "PUT";

/** The client's behaviour; `plain` requests may be pipelined. Over HTTP/2 some are not possible (http2/manners.ts). */
export type Manner =
  | "plain"
  | "slowUpload"
  | "slowReader"
  | "deafReader"
  | "expect"
  | "close"
  | "http10"
  | "halfClose"
  | "abortWaiting"
  | "abortReading"
  | "abortUpload"
  | "bad"
  | "halfHead"
  | "upgrade";

/** The plan of one exchange. */
export interface Plan extends Order {
  readonly method: Method;
  readonly uploadFraming: "length" | "chunked";
  readonly manner: Manner;
  /** How headgate serves the request if it is a HEAD. */
  readonly head: HeadWay;
}

/** The weight of each manner over HTTP/1.1. */
export const MANNERS: Readonly<Record<Exclude<Manner, "deafReader">, number>> = {
  plain: 70,
  slowUpload: 3,
  slowReader: 2,
  expect: 3,
  close: 3,
  http10: 3,
  halfClose: 2,
  abortWaiting: 4,
  abortReading: 3,
  abortUpload: 4,
  bad: 2,
  halfHead: 0.5,
  upgrade: 3,
};

/** Whether such a response ends with its header section (RFC 9110 §6.4.1). */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status < 200 || status === 204 || status === 304;
}

/** Whether a trailer with the id follows the request's content. */
export function hasUploadTrailer({ method, uploadFraming, manner, salt }: Plan): boolean {
  const isSending = method === "POST" || method === "PUT";
  return isSending && uploadFraming === "chunked" && manner !== "http10" && salt % 3 === 0;
}

/** Draws the plan of an exchange. */
export function drawPlan(random: Random, id: string, manner: Manner, roads: Roads): Plan {
  const road = random.weighted(roads as Readonly<Record<Road, number>>);
  const method = drawMethod(random, manner);
  const isSending = method === "POST" || method === "PUT";
  const upload = isSending ? drawSize(random) + (UPLOADING.has(manner) ? 2_000 : 0) : 0;
  const fault = manner === "upgrade" ? "upgrade" : drawFault(random, { road, upload, manner });
  const framing = drawFraming(random, fault, road);
  const head = method === "HEAD" ? drawHeadWay(random) : "convert";
  const size = drawSize(random) + (LONG_RESPONSES.has(manner) ? 200_000 : 0);
  return {
    road,
    id,
    method,
    fault,
    manner,
    head,
    framing,
    size: toFitting(size, fault),
    upload,
    uploadFraming: random.pick(["length", "chunked"] as const),
    salt: random.below(100_000),
  };
}

const UPLOADING: ReadonlySet<Manner> = new Set(["expect", "slowUpload", "abortUpload"]);
const LONG_RESPONSES: ReadonlySet<Manner> = new Set(["abortReading", "slowReader", "deafReader"]);
const LEAVING: ReadonlySet<Manner> = new Set(["abortWaiting", "abortReading", "abortUpload"]);

function drawFault(
  random: Random,
  { road, upload, manner }: Pick<Plan, "road" | "upload" | "manner">,
): FaultName {
  const isLeaving = LEAVING.has(manner);
  return random.weighted(weightsFor({ road, isLeaving, hasUpload: upload > 0 }));
}

function drawMethod(random: Random, manner: Manner): Method {
  if (manner === "upgrade" || manner === "bad") return "GET";
  if (UPLOADING.has(manner)) return random.pick(["POST", "PUT"] as const);
  return random.weighted({ GET: 45, HEAD: 20, POST: 22, PUT: 13 });
}

function toFitting(size: number, fault: Plan["fault"]): number {
  // The extra bytes must come in one piece with the response: in a read of their own they could only be the next response.
  if (fault === "extra") return size % 4_000;
  if (fault === "resetMid" || fault === "closeMid" || fault === "stallMid") return size + 2;
  if (fault === "truncated") return size + 2;
  return fault === "badChunk" ? size + 20 : size;
}

function drawFraming(random: Random, fault: Plan["fault"], road: Road): Framing {
  if (fault === "trailers" || fault === "badChunk" || fault === "endless") return "chunked";
  if (fault === "truncated") return "close";
  const framing = random.weighted({ length: 60, chunked: 32, close: 8 });
  // Without a length, the end of the connection is the end of the content.
  const needsLength: readonly Plan["fault"][] = ["closeMid", "extra", "earlyKeep", "stallMid"];
  // A unix socket has no reset: its end looks the same after a complete response and after a broken one.
  const isUnclear = road === "unix" || needsLength.includes(fault);
  return framing === "close" && isUnclear ? "length" : framing;
}

function drawSize(random: Random): number {
  const most = random.pick([0, 300, 300, 300, 300, 300, 300, 8_000, 8_000, 8_000, 64_000]);
  return random.chance(0.01) ? 400_000 : random.below(most + 1);
}

/** The request-target that encodes the order; a trace needs nothing else. */
export function toTarget({ road, id, fault, framing, size, upload, salt }: Order): string {
  return `/${road}/${id}/${fault}/${framing}/${size}/${upload}/${salt}`;
}

/** Decodes a request-target. Throws if it does not encode an order. */
export function fromTarget(target: string): Order {
  const [empty, road, id = "", fault, framing, ...numbers] = target.split("/");
  const [size = NaN, upload = NaN, salt = NaN] = numbers.map(Number);
  if (empty !== "" || numbers.length !== 3 || Number.isNaN(size + upload + salt))
    throw new Error(`not a target of ours: ${target}`);
  return { road, id, fault, framing, size, upload, salt } as Order;
}
