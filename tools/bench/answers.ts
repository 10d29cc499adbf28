import { strict as assert } from "node:assert";
import { connect } from "node:net";
import { BIG_BYTES, HUGE_BYTES, SMALL_BODY } from "./backend.ts";
import type { Peer } from "./peers.ts";

/** Checks that a peer does the work that is about to be measured. Throws with what was wrong: a fast wrong answer is worth nothing. */
export async function checkAnswers(peer: Peer, port: number): Promise<void> {
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
  assert.equal(
    bigHead.fields.get("content-length"),
    String(BIG_BYTES),
    "HEAD /big: Content-Length",
  );
  assert.equal(bigHead.contentBytes, 0, "HEAD /big: bytes after the header section");
  if (peer.kind !== "option") return;
  const hugeHead = await ask(port, "HEAD", "/huge");
  assert.equal(hugeHead.status, 200, "HEAD /huge: the status");
  assert.equal(
    hugeHead.fields.get("content-length"),
    String(HUGE_BYTES),
    "HEAD /huge: Content-Length",
  );
}

function checkSmall(answer: Answer, method: string): void {
  assert.equal(answer.status, 200, `${method} /small: the status`);
  assert.equal(answer.fields.get("content-length"), "15", `${method} /small: Content-Length`);
  assert.equal(
    answer.fields.get("content-type"),
    "application/json",
    `${method} /small: Content-Type`,
  );
  assert.equal(answer.fields.get("etag"), '"bench-1"', `${method} /small: ETag`);
}

interface Answer {
  readonly status: number;
  /** By name in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly contentBytes: number;
  /** Only the beginning is kept. */
  readonly content: string;
}

/** Raw bytes until the peer closes: an HTTP client would hide content after a HEAD's header section. */
function ask(port: number, method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let beginning = "";
    let bytes = 0;
    socket.setTimeout(15_000, () =>
      socket.destroy(new Error(`${method} ${path}: no complete answer in 15 s`)),
    );
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (beginning.length < 4096) beginning += chunk.toString("latin1");
    });
    socket.on("end", () => {
      socket.end();
      resolve(parseAnswer(beginning, bytes));
    });
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n`);
  });
}

function parseAnswer(beginning: string, bytes: number): Answer {
  const end = beginning.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = beginning.slice(0, end).split("\r\n");
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(statusLine.split(" ")[1]),
    fields: new Map(fields),
    contentBytes: bytes - end - 4,
    content: beginning.slice(end + 4),
  };
}
