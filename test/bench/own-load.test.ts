import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { TLS_LOADS } from "../../tools/bench/over-tls/loads.ts";
import { needsOwnLoad, runOwnLoad } from "../../tools/bench/over-tls/own-load.ts";
import { compileTools } from "../../tools/bench/tools.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";

async function start(t: TestContext, status: number) {
  const hosts = new Set<string>();
  const server = createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
    hosts.add(`${request.method} ${request.headers.host}`);
    response.writeHead(status, { "content-length": 15 }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  t.after(() => server.closeAllConnections());
  return { hosts, port: (server.address() as AddressInfo).port };
}

const folder = mkdtempSync(join(tmpdir(), "headgate-"));
const hasCompiler = spawnSync("cc", ["--version"]).error === undefined;
const loadTls = hasCompiler ? compileTools(folder).loadTls : undefined;
test.after(() => rmSync(folder, { recursive: true, force: true }));
const skip =
  loadTls === undefined
    ? "there is no cc, or OpenSSL's headers are missing (Debian: gcc, libssl-dev)"
    : false;
const load = { ...TLS_LOADS.head, connections: 4, length: { seconds: 1 } };

test("h2load runs every load but HEAD with HTTP/1.1", () => {
  assert.deepEqual(Object.values(TLS_LOADS).filter(needsOwnLoad), [TLS_LOADS.head]);
});

test(
  "load.c counts HEADs over TLS, whose Content-Length announces no content",
  { skip },
  async (t) => {
    const { hosts, port } = await start(t, 200);
    let reads = 0;
    const result = await runOwnLoad(loadTls ?? "", port, load, () => (reads += 1) * 7);
    assert.ok(result.done > 0 && result.seconds > 0);
    assert.deepEqual([result.cpuUs, [...hosts]], [7, [`HEAD backend.test:${port}`]]);
  },
);

test("responses with another status have no figures", { skip }, async (t) => {
  const { port } = await start(t, 404);
  await assert.rejects(
    runOwnLoad(loadTls ?? "", port, load, () => 0),
    /0 broken responses/,
  );
});
