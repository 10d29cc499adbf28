/**
 * headgate notices at once an upstream that leads back to headgate.
 *
 * Symptom: with an upstream that is headgate itself, one request took all connections to the upstream, and ended as 504 after a minute.
 * Root cause: headgate did not distinguish its own requests from a client's. Fix: an accepted connection that is the other end of one of
 * headgate's own connections gets 502 `proxy_loop_detected` (RFC 9209 §2.3.32) for its first request, and is closed.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { type Edited, startBinary, toEdited } from "../support/binary.ts";
import { listenOn } from "../support/listen.ts";
import { fieldValues } from "../support/message.ts";
import { inNetwork } from "../support/network.ts";
import { startProcess } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openWire } from "../support/wire.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

test("a provable loop ends the start and the check", async (t) => {
  const expected =
    /^--upstream: http:\/\/127\.0\.0\.1:8080 is where headgate itself listens \(0\.0\.0\.0:8080\)/;
  const run = startProcess(t, ["run", "--upstream", "http://127.0.0.1:8080"]);
  // As every flag with an invalid value.
  assert.deepEqual(await run.exited, { code: 2, signal: null });
  assert.match(run.stderr(), expected);
  const file = join(
    await makeDirectory(t, { "f.yaml": "upstream: http://localhost:8080\n" }),
    "f.yaml",
  );
  const checked = startProcess(t, ["check", file]);
  assert.deepEqual(await checked.exited, { code: 1, signal: null });
  assert.match(checked.stderr(), /f\.yaml:1:11 upstream: .* is where headgate itself listens/);
});

test("a provable loop is refused by a reload, and the old configuration stays in use", async (t) => {
  const directory = await makeDirectory(t, {});
  const place = `unix:${join(directory, "listen.sock")}`;
  const file = join(directory, "routes.yaml");
  writeFileSync(file, `listen: ${place}\nadmin: off\nupstream: http://127.0.0.1:9\n`);
  const args = ["run", "--config", file];
  const headgate = toEdited(await startBinary(t, { args, cwd: directory }), directory);
  writeFileSync(file, `listen: ${place}\nadmin: off\nupstream: ${place}\n`);
  const line = await headgate.hangUp();
  assert.equal(line["level"], "error");
  assert.match(String(line["msg"]), /:3:11 upstream: .* is where headgate itself listens/);
  const client = await openWire(t, join(directory, "listen.sock"));
  client.write(toRequest("GET /x"));
  const answer = await client.readResponse();
  assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate; error=connection_refused"]);
});

const LOOPS: readonly (readonly [listen: string, host: string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.2"],
  ["0.0.0.0", "localhost"],
  ["[::]", "127.0.0.1"],
  ["[::]", "[::1]"],
];

for (const [listen, host] of LOOPS) {
  test(`a loop through ${host} with listen ${listen} is 502 at once`, async (t) => {
    if (listen === "[::]" && !hasIPv6()) return t.skip("this machine has no IPv6");
    const headgate = await startLoop(t, listen, (port) => `http://${host}:${port}`);
    const client = await openWire(t, headgate.port);
    for (const [start, lines, content] of [
      ["GET /x", [], ""],
      ["HEAD /x", [], ""],
      ["POST /x", ["Content-Length: 4"], "some"],
      ["GET /x", ["Connection: Upgrade", "Upgrade: websocket"], ""],
    ] as const) {
      const from = headgate.lines.length;
      client.write(toRequest(start, lines, content));
      const answer = await client.readResponse(start.split(" ")[0]);
      assert.equal(answer.status, 502);
      // The response to a HEAD has its request id too.
      assert.match(
        fieldValues(answer, "proxy-status").join(),
        /^headgate; error=proxy_loop_detected(?:;|$)/,
      );
      const line = await headgate.line(
        (each) => each["error.type"] === "proxy_loop_detected",
        from,
      );
      assert.deepEqual([line["level"], line["url.path"]], ["error", "/x"]);
    }
    // A refused upgrade ends its client's connection, so none is left.
    await untilIdle(headgate);
  });
}

test("after a loop was fixed, the same connection is served", async (t) => {
  const headgate = await startLoop(t, "127.0.0.1", (port) => `http://127.0.0.1:${port}`);
  const client = await openWire(t, headgate.port);
  client.write(toRequest("GET /x"));
  assert.equal((await client.readResponse()).status, 502);
  await reload(headgate, "127.0.0.1", "http://127.0.0.1:9");
  client.write(toRequest("GET /x"));
  const answer = await client.readResponse();
  assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate; error=connection_refused"]);
});

// A forwarder makes connections of its own, whose other ends headgate does not know. The limits that bound every upstream that does not
// respond also bound such a loop.
test("a loop through a TCP forwarder ends by the limits", async (t) => {
  const port = await startForwarder(t, () => headgate.port);
  const settings = "maxConnections: 4, responseTimeout: 500ms";
  const headgate = await startLoop(
    t,
    "127.0.0.1",
    () => `{ url: "http://127.0.0.1:${port}", ${settings} }`,
  );
  const client = await openWire(t, headgate.port);
  client.write(toRequest("GET /x"));
  const { status } = await client.readResponse();
  assert.ok(status === 503 || status === 504, `${status}`);
  const probe = await openWire(t, headgate.adminPort);
  probe.write(toRequest("GET /livez"));
  assert.equal((await probe.readResponse()).status, 200);
});

// With two local ports for all connections of the machine, clients and headgate have to share them.
test("a client whose local port headgate uses towards its upstream is served", (t) => {
  const within = inNetwork(t, { "net/ipv4/ip_local_port_range": "40000 40001" });
  if (within === undefined) return;
  const [command = "", ...args] = within;
  const script = [...args, process.execPath, "-e", SHARED_PORTS, BUNDLE];
  const { stdout, stderr } = spawnSync(command, script, { encoding: "utf8", timeout: 60_000 });
  assert.equal(stdout, "200 200 200\n", stderr);
});

/** Runs an upstream, headgate and clients, one client for each local port, and returns the clients' responses. */
const SHARED_PORTS = `
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { createServer, connect } = require("node:net");
const ask = async () => {
  const socket = connect(8080, "127.0.0.1");
  socket.write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
  const [bytes] = await once(socket, "data");
  return { socket, status: bytes.toString().split(" ")[1] };
};
void (async () => {
  const upstream = createServer((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"));
  });
  await once(upstream.listen(8000, "127.0.0.1"), "listening");
  const args = ["run", "--listen", "127.0.0.1:8080", "--admin", "off", "--upstream", "http://127.0.0.1:8000"];
  const headgate = spawn(process.execPath, [process.argv[1], ...args], { stdio: ["ignore", "pipe", "inherit"] });
  await once(headgate.stdout, "data");
  const first = await ask();
  first.socket.resetAndDestroy();
  await once(first.socket, "close");
  const others = [await ask(), await ask()];
  console.log([first, ...others].map(({ status }) => status).join(" "));
  headgate.kill("SIGKILL");
  process.exit();
})();
`;

/** headgate on a free port, with an upstream that leads back there: the port is unknown before. */
async function startLoop(
  t: TestContext,
  listen: string,
  toUpstream: (port: number) => string,
): Promise<Edited> {
  const directory = await makeDirectory(t, {});
  const file = join(directory, "routes.yaml");
  writeFileSync(file, toFile(listen, "http://127.0.0.1:9"));
  const args = ["run", "--config", file];
  const headgate = toEdited(await startBinary(t, { args, cwd: directory }), directory);
  await reload(headgate, listen, toUpstream(headgate.port));
  return headgate;
}

async function reload(headgate: Edited, listen: string, upstream: string): Promise<void> {
  writeFileSync(headgate.file, toFile(listen, upstream));
  assert.equal((await headgate.hangUp())["level"], "info");
}

function toFile(listen: string, upstream: string): string {
  return `listen: "${listen}:0"\nadmin: 127.0.0.1:0\nlog: { access: errors }\nupstream: ${upstream}\n`;
}

/** Waits until no connection is left: those of the loop are closed. */
async function untilIdle(headgate: Edited): Promise<void> {
  const untilMs = performance.now() + 15_000;
  while ((await headgate.metric("headgate_client_connections")) !== 0)
    assert.ok(performance.now() < untilMs, "the connections of the loop are closed");
}

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((each) =>
    each?.some(({ address }) => address === "::1"),
  );
}

/** Passes bytes on to that port, each connection on a connection of its own. */
async function startForwarder(t: TestContext, toPort: () => number): Promise<number> {
  const server = createServer((socket) => {
    const onward = connect(toPort(), "127.0.0.1");
    for (const one of [socket, onward]) {
      one.on("error", () => undefined);
      t.after(() => void one.destroy());
    }
    socket.pipe(onward).pipe(socket);
  });
  return listenOn(t, server);
}
