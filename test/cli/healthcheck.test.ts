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

test("a ready headgate is healthy, in any state of its upstream", async (t) => {
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

// The check connects to the admin port as to an upstream, and otherwise an upstream may not be one of headgate's own addresses.
test("admin may have any address, even the default of another setting", async () => {
  for (const admin of ["127.0.0.1:8080", "127.0.0.1:9090", "127.0.0.1:80"]) {
    const { code, err } = await check(["--admin", admin]);
    if (code !== 0) assert.match(err, new RegExp(`^headgate: http://${admin}/readyz: `));
  }
});

test("the address for clients does not matter", async () => {
  const env = { HEADGATE_LISTEN: "127.0.0.1:9" };
  const { code, err } = await check(["--admin", "127.0.0.1:9"], env);
  assert.equal(code, 1);
  assert.match(err, /^headgate: http:\/\/127\.0\.0\.1:9\/readyz: /);
});

test("for a wildcard address the check uses the loopback", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE, yaml: "admin: 0.0.0.0:0" });
  assert.equal((await check(["--admin", `0.0.0.0:${adminPort}`])).code, 0);
});

test("the check reaches an admin port on a Unix socket", async (t) => {
  const path = join(folderOf(t), "admin.sock");
  await startSidecar(t, { upstream: NOWHERE, yaml: `admin: unix:${path}` });
  assert.equal((await check(["--admin", `unix:${path}`])).code, 0);
});

// The proxy continues with the file that it read. If the check failed, Docker would restart it with the broken file.
test("a route file that broke after the start does not make headgate unhealthy", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: NOWHERE });
  const file = join(folderOf(t), "headgate.yaml");
  writeFileSync(file, "routes: [{ path: nonsense }]\n");
  const env = { HEADGATE_CONFIG: file, HEADGATE_ADMIN: `127.0.0.1:${adminPort}` };
  assert.equal((await check([], env)).code, 0);
});

test("without a listener it is unhealthy, and the line says so", async (t) => {
  const { adminPort, stop } = await startSidecar(t, { upstream: NOWHERE });
  await stop();
  const { code, err } = await check(["--admin", `127.0.0.1:${adminPort}`]);
  assert.equal(code, 1);
  assert.match(err, /^headgate: http:\/\/127\.0\.0\.1:\d+\/readyz: connection refused\n$/);
});

test("a response other than 200 is unhealthy", async (t) => {
  const { port } = await startSidecar(t, { upstream: NOWHERE });
  // The proxy's own port stands for a headgate that is not ready: its upstream is gone, so it responds with 502.
  const { code, err } = await check(["--admin", `127.0.0.1:${port}`]);
  assert.deepEqual({ code, isSaid: /responded with 502/.test(err) }, { code: 1, isSaid: true });
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

test("with admin off the check fails", async () => {
  const { code, err } = await check(["--admin", "off"]);
  assert.equal(code, 1);
  assert.match(err, /admin has no address/);
});
