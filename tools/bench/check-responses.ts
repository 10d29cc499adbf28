import { strict as assert } from "node:assert";
import { fieldValues } from "../../test/support/message.ts";
import { toRequest } from "../../test/support/request.ts";
import { openWire } from "../../test/support/wire.ts";
import { BIG_BYTES, HUGE_BYTES, SMALL_BODY } from "./backend.ts";
import type { Peer } from "./peers.ts";

/** Checks that a peer responds correctly before it is measured, and throws otherwise: the speed of wrong responses has no value. */
export async function checkResponses(peer: Peer, port: number): Promise<void> {
  const get = await ask(port, "GET", "/small");
  checkSmall(get, "GET");
  assert.equal(get.content, SMALL_BODY, "GET /small: the content");
  const head = await ask(port, "HEAD", "/small");
  checkSmall(head, "HEAD");
  assert.equal(head.contentBytes, 0, "HEAD /small: bytes after the header section");
  if (peer.kind === "floor") return;
  const big = await ask(port, "GET", "/big");
  assert.equal(big.contentBytes, BIG_BYTES, "GET /big: the length of the content");
  const bigHead = await ask(port, "HEAD", "/big");
  assert.equal(bigHead.field("content-length"), String(BIG_BYTES), "HEAD /big: Content-Length");
  assert.equal(bigHead.contentBytes, 0, "HEAD /big: bytes after the header section");
  if (peer.kind !== "option") return;
  const hugeHead = await ask(port, "HEAD", "/huge");
  assert.equal(hugeHead.status, 200, "HEAD /huge: the status");
  assert.equal(hugeHead.field("content-length"), String(HUGE_BYTES), "HEAD /huge: Content-Length");
}

/** Checks status and fields of a response to a request for /small. */
export function checkSmall(answer: CheckedResponse, method: string): void {
  assert.equal(answer.status, 200, `${method} /small: the status`);
  assert.equal(answer.field("content-length"), "15", `${method} /small: Content-Length`);
  assert.equal(answer.field("content-type"), "application/json", `${method} /small: Content-Type`);
  assert.equal(answer.field("etag"), '"bench-1"', `${method} /small: ETag`);
}

/** A response with what the checks look at. */
export interface CheckedResponse {
  readonly status: number;
  field(name: string): string | undefined;
  readonly contentBytes: number;
  readonly content: string;
}

/** Reads raw bytes until the peer closes: an HTTP client would hide content after a HEAD's header section. */
async function ask(port: number, method: string, path: string): Promise<CheckedResponse> {
  const ends: (() => void | Promise<void>)[] = [];
  const wire = await openWire({ after: (end) => void ends.push(end) }, port);
  wire.write(toRequest(`${method} ${path}`, ["Host: bench.test", "Connection: close"]));
  const answer = await wire.readResponse(method);
  const rest = await wire.bytes.takeAll();
  for (const end of ends) await end();
  return {
    status: answer.status,
    field: (name) => fieldValues(answer, name)[0],
    contentBytes: answer.body.length + rest.length,
    content: answer.body.toString("latin1"),
  };
}
