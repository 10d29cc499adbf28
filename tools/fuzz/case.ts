/** One case: bytes for one side of the proxy, and its form for output and replay. */

import { existsSync, readFileSync } from "node:fs";
import type { Random } from "../shared/random.ts";

/** The correct result for a case: processed completely, refused, or either of them. */
export type Expectation = "accepted" | "refused" | "either";

/** Bytes that a client sends. */
export interface RequestCase {
  readonly kind: "request";
  readonly family: string;
  readonly expects: Expectation;
  /** Written one after another, each in its own segment. Latin-1. */
  readonly parts: readonly string[];
}

/** Bytes that an upstream sends in response to one request. */
export interface ResponseCase {
  readonly kind: "answer";
  readonly family: string;
  readonly expects: Expectation;
  /** The method of the client's request. */
  readonly method: "GET" | "HEAD";
  readonly parts: readonly string[];
  /** What the upstream does after the last part. */
  readonly after: "keep" | "end" | "reset";
}

/** Bytes on a TLS port that are not TLS, or not within its rules. */
export interface TlsCase {
  readonly kind: "tls";
  readonly family: string;
  readonly expects: Expectation;
  /** Whether they are written below TLS, after a handshake and one exchange. Otherwise they are the first bytes of the connection. */
  readonly isInside: boolean;
  readonly parts: readonly string[];
}

/** What a client of HTTP/2 sends, from its preface on. */
export interface FrameCase {
  readonly kind: "http2";
  readonly family: string;
  readonly expects: Expectation;
  readonly pace: "at once" | "part by part" | "in pieces";
  /** Most often one frame each. */
  readonly parts: readonly string[];
}

/** A case of either side. */
export type Case = RequestCase | ResponseCase | TlsCase | FrameCase;

/** Generates the bytes of cases of one kind. */
export interface Family<Made> {
  readonly name: string;
  readonly expects: Expectation;
  make(random: Random): Made;
}

/** Encodes a case as one word for a command line. */
export function toReplay(one: Case): string {
  return Buffer.from(JSON.stringify(one), "utf8").toString("base64");
}

/** Decodes a case from the output of `toReplay`, from a file with that output, or from raw request bytes in base64. */
export function fromReplay(word: string): Case {
  const text = existsSync(word) ? readFileSync(word, "latin1").trim() : word;
  const decoded = Buffer.from(text, "base64").toString("latin1");
  if (decoded.startsWith('{"kind":'))
    return JSON.parse(Buffer.from(decoded, "latin1").toString("utf8")) as Case;
  return { kind: "request", family: "replayed", expects: "either", parts: [decoded] };
}

/** Splits bytes into segments; most often into one, so that both forms of arrival are tested. */
export function cut(random: Random, bytes: string): readonly string[] {
  if (bytes.length < 2 || !random.oneIn(4)) return [bytes];
  const places = Array.from(
    { length: 1 + random.below(3) },
    () => 1 + random.below(bytes.length - 1),
  );
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.slice(from, sorted[index]));
}

/** The bytes of a case, joined. */
export function bytesOf({ parts }: Case): string {
  return parts.join("");
}
