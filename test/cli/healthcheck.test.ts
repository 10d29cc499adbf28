import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { healthcheck } from "../../src/cli/healthcheck.ts";
import type { Io } from "../../src/cli/io.ts";
import { startSidecar } from "../support/sidecar.ts";

const NOWHERE = "http://127.0.0.1:9";

interface Checked {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function check(args: readonly string[], env: Io["env"] = {}): Promise<Checked> {
  const written = { out: "", err: "" };
  const io = {
    env,
    cwd: tmpdir(),
    out: (text: string) => (written.out += text),
    err: (text: string) => (written.err += text),
  };
  const code = await healthcheck(args, io as unknown as Io);
  return { code, ...written };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-health-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a ready headgate is healthy, whatever its upstream does", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE });
  assert.deepEqual(await check(["--admin", `127.0.0.1:${adminPort}`]), {
    code: 0,
    out: "ready\n",
    err: "",
  });
});

test("the settings are those of run: flags, environment, route file", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE });
  const file = join(folderOf(t), "headgate.yaml");
  writeFileSync(file, `upstream: ${NOWHERE}\nadmin: 127.0.0.1:${adminPort}\n`);
  assert.equal((await check(["--config", file, "--upstream", NOWHERE, "--listen", ":1"])).code, 0);
  assert.equal((await check([], { HEADGATE_CONFIG: file })).code, 0);
  assert.equal((await check([], { HEADGATE_ADMIN: `127.0.0.1:${adminPort}` })).code, 0);
});

// The check goes to the admin port as to an upstream, which headgate's own addresses may not be otherwise.
test("admin may have any address, that of other settings' defaults too", async () => {
  for (const admin of ["127.0.0.1:8080", "127.0.0.1:9090", "127.0.0.1:80"]) {
    const { code, err } = await check(["--admin", admin]);
    if (code !== 0) assert.match(err, new RegExp(`^headgate: http://${admin}/readyz: `));
  }
});

test("where clients connect plays no part", async () => {
  const env = { HEADGATE_LISTEN: "127.0.0.1:9" };
  const { code, err } = await check(["--admin", "127.0.0.1:9"], env);
  assert.equal(code, 1);
  assert.match(err, /^headgate: http:\/\/127\.0\.0\.1:9\/readyz: /);
});

test("a wildcard address is asked on the loopback", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE, yaml: "admin: 0.0.0.0:0" });
  assert.equal((await check(["--admin", `0.0.0.0:${adminPort}`])).code, 0);
});

test("an admin port on a Unix socket can be asked", async (t) => {
  const path = join(folderOf(t), "admin.sock");
  await startSidecar(t, { upstream: NOWHERE, yaml: `admin: unix:${path}` });
  assert.equal((await check(["--admin", `unix:${path}`])).code, 0);
});

// The proxy goes on with the file that it read. Were it called ill, it would be restarted, into the broken file.
test("a route file that broke after the start makes nobody ill", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE });
  const file = join(folderOf(t), "headgate.yaml");
  writeFileSync(file, "routes: [{ path: nonsense }]\n");
  const env = { HEADGATE_CONFIG: file, HEADGATE_ADMIN: `127.0.0.1:${adminPort}` };
  assert.equal((await check([], env)).code, 0);
});

test("where nothing listens it is unhealthy, and the line says so", async (t) => {
  const { adminPort, stop } = await startSidecar(t, { upstream: NOWHERE });
  await stop();
  const { code, err } = await check(["--admin", `127.0.0.1:${adminPort}`]);
  assert.equal(code, 1);
  assert.match(err, /^headgate: http:\/\/127\.0\.0\.1:\d+\/readyz: connection refused\n$/);
});

test("an answer that is no 200 is unhealthy", async (t) => {
  const { port } = await startSidecar(t, { upstream: NOWHERE });
  // The proxy's own port stands for a headgate that is not ready: its upstream is gone, so it answers 502.
  const { code, err } = await check(["--admin", `127.0.0.1:${port}`]);
  assert.deepEqual({ code, isSaid: /answered 502/.test(err) }, { code: 1, isSaid: true });
});

for (const [what, says, serve] of [
  ["that is closed without a response", "connection terminated", (client) => client.end()],
  ["with a response that is no HTTP", "http protocol error", (client) => client.end("SSH-2.0\r\n")],
  ["without a response", "http response timeout", () => undefined],
] as const satisfies readonly (readonly [string, string, (client: Socket) => void])[]) {
  test(`a connection ${what} is unhealthy, and the line says so`, async (t) => {
    const server = createServer((client) => {
      client.on("error", () => undefined).once("data", () => serve(client));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { code, err } = await check(["--admin", `127.0.0.1:${port}`]);
    assert.equal(code, 1);
    assert.equal(err, `headgate: http://127.0.0.1:${port}/readyz: ${says}\n`);
  });
}

test("with admin off there is nobody to ask, which is no health", async () => {
  const { code, err } = await check(["--admin", "off"]);
  assert.equal(code, 1);
  assert.match(err, /admin has no address/);
});
