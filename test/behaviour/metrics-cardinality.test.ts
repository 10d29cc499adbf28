// The number of series depends on the route file alone: no client and no upstream can add one.

import assert from "node:assert/strict";
import test from "node:test";

import { toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const METHODS = ["GET", "PROPFIND", "MKCOL", "PURGE", "M-SEARCH", "QUERY", "LOCK", "REPORT"];

test("paths, hosts, methods, agents and status codes that strangers invent add no series", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    const status = /\/status\/(\d+)/.exec(request.target)?.[1] ?? "200";
    request.write(toHead(`${status} x`, ["Content-Length: 0"]));
  });
  const { port, adminPort, line } = await startSidecar(t, {
    upstream: origin.url,
    yaml: "routes: [{ path: /a/*, name: a }]",
  });
  const send = async (batch: number): Promise<void> => {
    const wire = await openWire(t, port);
    for (let index = 0; index < 40; index += 1) {
      const id = `${batch}-${index}`;
      const method = METHODS[index % METHODS.length] ?? "GET";
      const status = 600 + batch * 40 + index;
      wire.write(
        toRequest(`${method} /a/${id}?${id}`, [`Host: ${id}.example`, `User-Agent: ${id}`]),
      );
      assert.equal((await wire.readResponse(method)).status, 200);
      wire.write(toRequest(`GET /status/${status}`, [`Host: ${id}.example`]));
      assert.equal((await wire.readResponse()).status, status);
    }
    await line((one) => one["url.path"] === `/status/${639 + batch * 40}`);
  };
  const series = async (): Promise<readonly string[]> => {
    const page = await sendRequest(t, adminPort, toRequest("GET /metrics"));
    const lines = page.body.toString().split("\n");
    return lines
      .filter((each) => each.startsWith("headgate_"))
      .map((each) => each.split(" ")[0] ?? "");
  };
  await send(0);
  const before = await series();
  for (let batch = 1; batch < 3; batch += 1) await send(batch);
  assert.deepEqual(await series(), before);
  assert.ok(before.length < 300, `${before.length} series`);
});
