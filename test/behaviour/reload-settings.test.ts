import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { text } from "../support/responses.ts";
import { BASE, type Edited, startEdited } from "../support/binary.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { openWire } from "../support/wire.ts";

interface Setting {
  /** Text that is added to the upstream in the route file. */
  readonly yaml: string;
  /** The visible effect, before and after. */
  observe(t: TestContext, headgate: Edited, origin: Origin): Promise<unknown>;
  readonly before: unknown;
  readonly after: unknown;
}

/** Status of a raw request on a connection of its own. */
async function ask(t: TestContext, headgate: Edited, bytes: string): Promise<number> {
  const wire = await openWire(t, headgate.port);
  wire.write(bytes);
  return (await wire.readResponse(bytes.split(" ", 1)[0])).status;
}

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\n";

/** The method that the upstream gets for that request. */
const methodOf =
  (bytes: string): Setting["observe"] =>
  async (t, headgate, origin) => {
    await ask(t, headgate, bytes);
    return origin.arrivals.at(-1)?.method;
  };

const forwardedFor: Setting["observe"] = async (t, headgate, origin) => {
  await ask(t, headgate, `${GET}\r\n`);
  return valueOf(origin.arrivals.at(-1)?.lines, "X-Forwarded-For");
};

const settings: Readonly<Record<string, Setting>> = {
  routes: {
    yaml: "routes: [{ path: /a, head: pass }]",
    observe: methodOf("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    before: "GET",
    after: "HEAD",
  },
  head: {
    yaml: "head: pass",
    observe: methodOf("HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n"),
    before: "GET",
    after: "HEAD",
  },
  forwarded: {
    yaml: "forwarded: { trust: [192.0.2.0/24] }",
    observe: forwardedFor,
    before: "192.0.2.1, 127.0.0.1",
    after: "127.0.0.1",
  },
  "forwarded: off": {
    yaml: "forwarded: off",
    observe: forwardedFor,
    before: "192.0.2.1, 127.0.0.1",
    after: "192.0.2.1",
  },
  requestId: {
    yaml: "requestId: forward",
    async observe(t, headgate, origin) {
      await ask(t, headgate, `${GET}\r\n`);
      return valueOf(origin.arrivals.at(-1)?.lines, "X-Request-Id") !== undefined;
    },
    before: false,
    after: true,
  },
  "limits.headerCount": {
    yaml: "limits: { headerCount: 1 }",
    observe: (t, headgate) => ask(t, headgate, `${GET}\r\n`),
    before: 200,
    after: 431,
  },
  "limits.headerBytes": {
    yaml: "limits: { headerBytes: 1KiB }",
    observe: (t, headgate) => ask(t, headgate, `${GET}X: ${"x".repeat(2000)}\r\n\r\n`),
    before: 200,
    after: 431,
  },
  "timeouts.keepAlive": {
    yaml: "timeouts: { keepAlive: 1s }",
    async observe(t, headgate) {
      const wire = await openWire(t, headgate.port);
      wire.write(`${GET}\r\n`);
      return valueOf((await wire.readResponse()).lines, "Keep-Alive");
    },
    before: "timeout=75",
    after: "timeout=1",
  },
  "log.access": {
    yaml: "log: { access: all }",
    observe: async (t, headgate) => isLogged(t, headgate, "request"),
    before: false,
    after: true,
  },
};

function valueOf(lines: readonly string[] | undefined, name: string): string | undefined {
  return lines?.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
}

/** Whether a request gets a line; that of a reload comes after it. */
async function isLogged(t: TestContext, headgate: Edited, msg: string): Promise<boolean> {
  const from = headgate.lines.length;
  await ask(t, headgate, `${GET}\r\n`);
  await headgate.hangUp();
  return headgate.lines.slice(from).some((line) => line["msg"] === msg);
}

test("a changed setting is applied, and reverted", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const upstream = `upstream: ${origin.url}\n`;
  const headgate = await startEdited(t, upstream);
  for (const [name, { yaml, observe, before, after }] of Object.entries(settings))
    await t.test(name, async (t2) => {
      assert.deepEqual(await observe(t2, headgate, origin), before);
      assert.equal((await headgate.edit(`${upstream}${yaml}\n`))["level"], "info");
      assert.deepEqual(await observe(t2, headgate, origin), after);
      assert.equal((await headgate.edit(upstream))["level"], "info");
      assert.deepEqual(await observe(t2, headgate, origin), before);
    });
});

test("a changed timeouts.header is applied", async (t) => {
  const upstream = "upstream: http://127.0.0.1:9\n";
  const headgate = await startEdited(t, `${upstream}timeouts: { header: 1m }\n`);
  await headgate.edit(`${upstream}timeouts: { header: 100ms }\n`);
  assert.equal(await ask(t, headgate, "GET / HTTP/1.1\r\nHost:"), 408);
});

test("a changed responseTimeout is applied", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  await headgate.edit(`upstream: ${origin.url}\nroutes: [{ path: /a, responseTimeout: 50ms }]\n`);
  assert.equal(await ask(t, headgate, `${GET}\r\n`), 504);
});

test("a changed log.level is applied", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const yaml = (level: string) =>
    `upstream: ${origin.url}\nlog: { access: all, level: ${level} }\n`;
  const headgate = await startEdited(t, yaml("info"));
  writeFileSync(headgate.file, BASE + yaml("error"));
  // POST gets its response even if the log is to be silent about it.
  const reload = `http://127.0.0.1:${headgate.adminPort}/reload`;
  assert.equal((await fetch(reload, { method: "POST" })).status, 200);
  const from = headgate.lines.length;
  await ask(t, headgate, `${GET}\r\n`);
  await headgate.edit(yaml("info"));
  const said = headgate.lines.slice(from).map(({ msg }) => msg);
  assert.deepEqual(said, [`reloaded ${headgate.file}`]);
  assert.equal(await isLogged(t, headgate, "request"), true);
});

test("a changed shutdown.grace is applied", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  await headgate.edit(`upstream: ${origin.url}\nshutdown: { grace: 50ms }\n`);
  const wire = await openWire(t, headgate.port);
  wire.write(`${GET}\r\n`);
  await origin.arrival(0);
  headgate.child.kill("SIGTERM");
  await wire.closed;
  assert.equal(await headgate.exited, 0);
});
