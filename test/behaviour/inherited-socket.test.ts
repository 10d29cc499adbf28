import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { openWire } from "../support/wire.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

interface Inherited {
  readonly port: number;
  readonly fd: number;
  /** Leaves the connections to the process that inherited the socket: two that accept would take turns. */
  release(): void;
}

/** A socket that already listens, as systemd's socket activation or a previous process passes it on. */
async function startListening(): Promise<Inherited> {
  const server: Server & { readonly _handle?: { readonly fd: number } } = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // oxlint-disable-next-line no-underscore-dangle -- Node has no public name for a listening socket's descriptor
  return { port, fd: server._handle?.fd ?? -1, release: () => void server.close() };
}

for (const [what, flags, env] of [
  ["fd:3", ["--listen", "fd:3"], {}],
  ["LISTEN_FDS", [], { LISTEN_FDS: "1" }],
] as const) {
  test(`${what}: an inherited socket is served`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const { port, fd, release } = await startListening();
    const args = [BUNDLE, "run", "--upstream", origin.url, "--admin", "off", ...flags];
    const headgate = spawn(process.execPath, args, {
      env,
      stdio: ["ignore", "pipe", "inherit", fd],
    });
    t.after(() => void headgate.kill("SIGKILL"));
    release();
    await once(headgate.stdout ?? assert.fail(), "data");
    const client = await openWire(t, port);
    client.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readResponse("HEAD")).status, 200);
    headgate.kill("SIGTERM");
    const [code] = (await once(headgate, "exit")) as [number | null];
    assert.equal(code, 0);
  });
}
