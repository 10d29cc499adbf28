/** One case: bytes for one side of the proxy, and the form in which it is printed and replayed. */

import { existsSync, readFileSync } from "node:fs";
import type { Random } from "../shared/random.ts";

/** What has to become of a case: taken to its end, refused before it, or whichever is right. */
export type Expectation = "accepted" | "refused" | "either";

/** Bytes that a client sends. */
export interface RequestCase {
  readonly kind: "request";
  readonly family: string;
  readonly expects: Expectation;
  /** Written one after another, each in a segment of its own. Latin-1. */
  readonly parts: readonly string[];
}

/** Bytes that an upstream sends in answer to one request. */
export interface ResponseCase {
  readonly kind: "answer";
  readonly family: string;
  readonly expects: Expectation;
  /** What the client asks with. */
  readonly method: "GET" | "HEAD";
  readonly parts: readonly string[];
  /** What the upstream does after the last part. */
  readonly after: "keep" | "end" | "reset";
}

export type Case = RequestCase | ResponseCase;

/** Makes the bytes of cases of one kind. */
export interface Family<Made> {
  readonly name: string;
  readonly expects: Expectation;
  make(random: Random): Made;
}

/** A case as one word for a command line. */
export function toReplay(one: Case): string {
  return Buffer.from(JSON.stringify(one), "utf8").toString("base64");
}

/** Reads a case back from what `toReplay` printed, from a file with that in it, or from raw request bytes in base64. */
export function fromReplay(word: string): Case {
  const text = existsSync(word) ? readFileSync(word, "latin1").trim() : word;
  const decoded = Buffer.from(text, "base64").toString("latin1");
  if (decoded.startsWith('{"kind":'))
    return JSON.parse(Buffer.from(decoded, "latin1").toString("utf8")) as Case;
  return { kind: "request", family: "replayed", expects: "either", parts: [decoded] };
}

/** Cuts bytes into segments: most often none, so that both ways of arriving are met. */
export function cut(random: Random, bytes: string): readonly string[] {
  if (bytes.length < 2 || !random.oneIn(4)) return [bytes];
  const places = Array.from(
    { length: 1 + random.below(3) },
    () => 1 + random.below(bytes.length - 1),
  );
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.slice(from, sorted[index]));
}

/** The bytes of a case, without their cuts. */
export function bytesOf({ parts }: Case): string {
  return parts.join("");
}
