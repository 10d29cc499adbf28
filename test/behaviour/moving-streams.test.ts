// A timeout limits silence: a stream that moves, however slowly, is never cut.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { toChunk, toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const LIMIT_MS = 2_000;
const PAUSE_MS = LIMIT_MS / 4;
const PIECES = 13; // three times the limit

// Each of them waits most of the time.
void describe("a stream", { concurrency: true }, () => {
  it("an upload that moves outlasts every limit", async (t) => {
    const origin = await startOrigin(t, async (request) => {
      const { body } = await request.completed;
      request.write(`${toHead("200 OK", ["Content-Length: 2"])}${body.length}`);
    });
    const { port } = await startSidecar(t, { yaml: toYaml(origin.url) });
    const client = await openWire(t, port);
    client.write(toRequest("POST /", [`Content-Length: ${PIECES}`]));
    await inPieces(() => client.write("x"));
    assert.equal((await client.readResponse()).body.toString(), String(PIECES));
  });

  it("a download that moves outlasts every limit", async (t) => {
    const origin = await startOrigin(t, async (request) => {
      request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]));
      await inPieces(() => request.write(toChunk("x")));
      request.write("0\r\n\r\n");
    });
    const { port } = await startSidecar(t, { yaml: toYaml(origin.url) });
    const client = await openWire(t, port);
    client.write(toRequest("GET /"));
    assert.equal((await client.readResponse()).body.length, PIECES);
  });

  it("a response that begins before the upload has ended does not cut the upload", async (t) => {
    const origin = await startOrigin(t, async (request) => {
      request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("begun"));
      const { body } = await request.completed;
      request.write(`${toChunk(String(body.length))}0\r\n\r\n`);
    });
    const { port } = await startSidecar(t, { yaml: toYaml(origin.url) });
    const client = await openWire(t, port);
    const size = 4 * 2 ** 20;
    client.write(toRequest("POST /", [`Content-Length: ${size}`], "x"));
    await client.readHead();
    assert.match((await client.bytes.take("begun\r\n")).toString(), /begun/);
    client.write(Buffer.alloc(size - 1, "x"));
    assert.match((await client.bytes.take("0\r\n\r\n")).toString(), new RegExp(`\r\n${size}\r\n`));
  });
});

function toYaml(url: string): string {
  const limits = `responseTimeout: ${LIMIT_MS}ms, idleTimeout: ${LIMIT_MS}ms, keepAlive: ${LIMIT_MS}ms`;
  const timeouts = `header: ${LIMIT_MS}ms, keepAlive: ${LIMIT_MS}ms, idle: ${LIMIT_MS}ms`;
  return `upstream: { url: "${url}", ${limits} }\ntimeouts: { ${timeouts} }`;
}

async function inPieces(send: () => void): Promise<void> {
  for (let sent = 0; sent < PIECES; sent += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
    send();
  }
}
