import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { startEdited } from "../support/binary.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { openWire } from "../support/wire.ts";

/** Kept open for longer than any test waits: only headgate itself closes it. */
const at = (url: string): string => `{ url: "${url}", keepAlive: 1m }`;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Responds to `/held` on demand, to everything else at once. */
function holding(): { readonly script: Script; release(): void } {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const script: Script = async (request) => {
    if (request.target === "/held") await Promise.race([released, request.connection.closed]);
    await text("old")(request);
  };
  return { script, release: () => release() };
}

test("requests in flight keep the configuration they began with", async (t) => {
  const { script, release } = holding();
  const before = await startOrigin(t, script);
  const after = await startOrigin(t, text("new"));
  const routes = (url: string) => `upstream: ${at(url)}\nlog: { access: all }\n`;
  const headgate = await startEdited(t, routes(before.url));
  const held = await openWire(t, headgate.port);
  held.write("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  await before.arrival(0);

  await headgate.edit(routes(after.url));
  const fresh = await openWire(t, headgate.port);
  fresh.write(GET);
  assert.equal((await fresh.readResponse()).body.toString(), "new");

  release();
  assert.equal((await held.readResponse()).body.toString(), "old");
  // The same client connection continues, under the current configuration; the old upstream's connection is no longer needed.
  held.write(GET);
  assert.equal((await held.readResponse()).body.toString(), "new");
  await (
    await before.connection(0)
  ).closed;
});

test("connections to an unchanged upstream stay open, idle ones to a removed one are closed", async (t) => {
  const kept = await startOrigin(t, text("kept"));
  const removed = await startOrigin(t, text("removed"));
  const yaml = `upstream: ${at(kept.url)}\nupstreams: { other: ${at(removed.url)} }\n`;
  const headgate = await startEdited(
    t,
    `${yaml}routes: [{ path: /other, upstream: other }, { path: /a, head: pass }]\n`,
  );
  const wire = await openWire(t, headgate.port);
  const get = async (path: string): Promise<string> => {
    wire.write(GET.replace(" / ", ` ${path} `));
    return (await wire.readResponse()).body.toString();
  };
  assert.deepEqual([await get("/"), await get("/other")], ["kept", "removed"]);

  await headgate.edit(`upstream: ${at(kept.url)}\nhead: pass\n`);
  await (
    await removed.connection(0)
  ).closed;
  assert.equal(await get("/other"), "kept");
  await headgate.hangUp();
  assert.equal(await get("/"), "kept");
  assert.deepEqual([kept.connections.length, removed.connections.length], [1, 1]);
});

test("an upstream whose settings change gets new connections", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${at(origin.url)}\n`);
  const wire = await openWire(t, headgate.port);
  wire.write(GET);
  await wire.readResponse();
  await headgate.edit(`upstream: { url: "${origin.url}", host: upstream }\n`);
  await (
    await origin.connection(0)
  ).closed;
  wire.write(GET);
  await wire.readResponse();
  assert.equal(origin.connections.length, 2);
});

test("a download continues through a reload that removes its upstream", async (t) => {
  const size = 300_000;
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("200 OK", [`Content-Length: ${size}`]));
    request.write("x".repeat(1000));
  });
  const headgate = await startEdited(t, `upstream: ${at(origin.url)}\n`);
  const wire = await openWire(t, headgate.port);
  wire.write(GET);
  const head = await wire.readHead();
  assert.match(head.start, / 200 /);
  await headgate.edit("upstream: http://127.0.0.1:9\n");
  const arrival = await origin.arrival(0);
  arrival.write("x".repeat(size - 1000));
  assert.equal((await wire.bytes.take(size)).length, size);
  await arrival.connection.closed;
});
