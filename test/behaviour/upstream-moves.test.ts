// headgate finds without a restart an upstream that goes away and comes back, at another address of its name or as another process.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo, ListenOptions } from "node:net";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { createNames, namesMissing } from "../support/names.ts";
import { startRun } from "../support/process.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { startSidecar } from "../support/sidecar.ts";

test(
  "an upstream whose name changes to another address is served from there",
  { skip: namesMissing() },
  async (t) => {
    const { through, setHosts } = createNames(t, { hosts: "127.0.0.1 app.test\n::1 app.test\n" });
    const first = await startAt(t, "first", { host: "127.0.0.1", port: 0 });
    const { port } = first.address() as AddressInfo;
    const headgate = await startRun(t, ["--upstream", `http://app.test:${port}`], through);
    await assertServedBy(t, headgate.port, "first");
    await stop(first);
    assert.equal((await sendRequest(t, headgate.port, toRequest("GET /"))).status, 502);
    const second = await startAt(t, "second", { host: "::1", port });
    await assertServedBy(t, headgate.port, "second");
    await stop(second);
    await startAt(t, "third", { host: "127.0.0.2", port });
    setHosts("127.0.0.2 app.test\n");
    await assertServedBy(t, headgate.port, "third");
  },
);

test("an upstream that is replaced by another process is served from there at once", async (t) => {
  const path = join(await makeDirectory(t, {}), "app.sock");
  const sidecar = await startSidecar(t, { upstream: `unix:${path}` });
  for (const name of ["first", "second", "third"]) {
    const server = await startAt(t, name, { path });
    await assertServedBy(t, sidecar.port, name);
    await stop(server);
    assert.equal((await sendRequest(t, sidecar.port, toRequest("GET /"))).status, 502);
  }
});

async function assertServedBy(t: TestContext, port: number, name: string): Promise<void> {
  for (const method of ["GET", "HEAD", "POST", "GET"]) {
    const answer = await sendRequest(t, port, toRequest(`${method} /`));
    assert.equal(answer.status, 200, method);
    if (method !== "HEAD") assert.equal(answer.body.toString(), name);
  }
}

/** Responds with its own name. */
async function startAt(t: TestContext, name: string, where: ListenOptions): Promise<Server> {
  const server = createServer((_request, response) => response.end(name)).listen(where);
  await once(server, "listening");
  t.after(() => void stop(server));
  return server;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
