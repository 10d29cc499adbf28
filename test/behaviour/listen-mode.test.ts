/**
 * Users that may connect to a Unix socket that headgate listens on.
 *
 * Symptom: a proxy under another user (nginx as www-data) got EACCES from `listen: unix:/run/headgate.sock`. Root cause: the file had the
 * mode that a usual umask leaves, 0755, with which only its owner may connect. Fix: headgate sets a mode itself, as nginx does.
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import type { Config } from "../../src/config/types.ts";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("clients of every user may connect, and to the admin port only the owner, with any umask", async (t) => {
  const { listen, admin } = toPaths(t);
  for (const umask of [0o000, 0o022, 0o077]) {
    const before = process.umask(umask);
    t.after(() => void process.umask(before));
    const { stop } = await start(t, `listen: unix:${listen}\nadmin: unix:${admin}`);
    assert.deepEqual([modeOf(listen), modeOf(admin)], ["666", "600"], umask.toString(8));
    await stop();
  }
});

/** The listeners of a configuration, on another socket that only its owner may use. */
function moveTo({ listen }: Config, path: string): Config["listen"] {
  return listen.map((one) => ({ ...one, address: { kind: "unix", path, mode: 0o600 } }));
}

test("a mode is what the route file says, and a reload changes it without a restart", async (t) => {
  const { listen, admin } = toPaths(t);
  const { app, config } = await start(
    t,
    `listen: { address: "unix:${listen}", mode: "0640" }\nadmin: { address: "unix:${admin}", mode: "660" }`,
  );
  assert.deepEqual([modeOf(listen), modeOf(admin)], ["640", "660"]);
  const client = await openWire(t, listen);
  app.reload({ ...config, listen: moveTo(config, listen) });
  assert.deepEqual([modeOf(listen), modeOf(admin)], ["600", "660"]);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200, "open connections go on");
});

test("a reload whose mode cannot be set changes nothing", async (t) => {
  const { listen, admin } = toPaths(t);
  const { app, config } = await start(t, `listen: unix:${listen}\nadmin: unix:${admin}`);
  renameSync(listen, `${listen}.moved`);
  const log = { ...config.log, level: "silent" as const };
  const next = { ...config, log, listen: moveTo(config, listen) };
  assert.throws(() => app.reload(next), /ENOENT/);
  assert.equal(modeOf(`${listen}.moved`), "666");
  renameSync(`${listen}.moved`, listen);
});

test("a reload with another path still needs a restart", async (t) => {
  const { listen, admin } = toPaths(t);
  const { app, config } = await start(t, `listen: unix:${listen}\nadmin: unix:${admin}`);
  const next = { ...config, listen: moveTo(config, `${listen}2`) };
  assert.throws(() => app.reload(next), /listen has changed, which needs a restart/);
  assert.deepEqual([modeOf(listen), existsSync(`${listen}2`)], ["666", false]);
});

test("a socket that a killed process left behind is replaced, and the new one has its mode", async (t) => {
  const { listen, admin } = toPaths(t);
  const killed = createServer().listen(`${listen}.first`);
  await once(killed, "listening");
  renameSync(`${listen}.first`, listen); // Node removes the file that it made
  killed.close();
  await once(killed, "close");
  assert.ok(existsSync(listen));
  await start(t, `listen: { address: "unix:${listen}", mode: "0606" }\nadmin: unix:${admin}`);
  assert.equal(modeOf(listen), "606");
  const client = await openWire(t, listen);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

async function start(t: TestContext, yaml: string) {
  const origin = await startOrigin(t, text("ok"));
  return startSidecar(t, { upstream: origin.url, yaml });
}

function toPaths(t: TestContext): { readonly listen: string; readonly admin: string } {
  const folder = mkdtempSync(join(tmpdir(), "headgate-mode-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { listen: join(folder, "listen.sock"), admin: join(folder, "admin.sock") };
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}
