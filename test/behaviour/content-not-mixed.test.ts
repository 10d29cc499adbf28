/** Memory for content is reused. No client may ever get another client's bytes. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { toHead } from "../support/responses.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";

const BYTES = 4 * 1024 * 1024;

/** Numbered lines that name their client: a byte that is lost, doubled, late or another client's changes them. */
function contentOf(name: string): Buffer {
  let text = "";
  // The name seven times: short lines take three times as long to write.
  for (let line = 0; text.length < BYTES; line += 1)
    text += `${name} line ${line} ${name.repeat(6)}\n`;
  return Buffer.from(text.slice(0, BYTES));
}

/** Made before any clock runs: on a busy machine this takes a second, in which the process under test stands still too. */
const CONTENTS: ReadonlyMap<string, Buffer> = new Map(
  Array.from({ length: 12 }, (_, index) => `/download-${index}`).map((name) => [
    name,
    contentOf(name),
  ]),
);

const FRAMINGS: Readonly<Record<string, (request: Arrival, content: Buffer) => void>> = {
  "of a length": ({ connection }, content) => {
    connection.socket.write(toHead("200 OK", [`Content-Length: ${BYTES}`]));
    connection.socket.write(content);
  },
  "in chunks": ({ connection: { socket } }, content) => {
    socket.write(toHead("200 OK", ["Transfer-Encoding: chunked"]));
    for (let at = 0; at < BYTES; at += 100_000) {
      const piece = content.subarray(at, at + 100_000);
      socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      socket.write("\r\n");
    }
    socket.write("0\r\n\r\n");
  },
  "whose end is the connection's": ({ connection: { socket } }, content) => {
    socket.write(toHead("200 OK", []));
    socket.end(content);
  },
};

for (const [framing, send] of Object.entries(FRAMINGS)) {
  test(`of twelve downloads ${framing} at one time, to clients that read irregularly, each gets its own bytes`, async (t) => {
    const origin = await startOrigin(t, (request) =>
      send(request, CONTENTS.get(request.target) ?? assert.fail(request.target)),
    );
    const listen = join(makeFolder(t), "listen.sock");
    // A unix socket buffers 200 KB, TCP megabytes: backpressure comes soon.
    await startSidecar(t, { upstream: origin.url, yaml: `listen: unix:${listen}` });
    await Promise.all(
      [...CONTENTS].map(async ([name, content]) => {
        const got = await download(listen, name);
        assert.ok(got.equals(content), `${name} is its own: ${got.toString("latin1", 0, 200)}`);
      }),
    );
  });
}

/** The content of a response, read irregularly, from a client of HTTP/1.0: it ends with the connection and has no chunks. */
async function download(path: string, target: string): Promise<Buffer> {
  const socket = connect(path);
  socket.write(`GET ${target} HTTP/1.0\r\nHost: a\r\n\r\n`);
  const chunks: Buffer[] = [];
  let reads = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    reads += 1;
    if (reads % 5 !== 0) return;
    socket.pause();
    void setImmediate().then(() => socket.resume());
  });
  await once(socket, "end");
  const whole = Buffer.concat(chunks);
  return whole.subarray(whole.indexOf("\r\n\r\n") + 4);
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
