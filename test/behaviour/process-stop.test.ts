/** SIGTERM: not ready at once, exchanges in flight finish, then exit 0. Watched from outside, on the real bundle. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { chunked, text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
const READYZ = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
/** Limits out of reach: a process that waited for one of them would never end. */
const PATIENT = "timeouts: { keepAlive: 1h, header: 1h }\nshutdown: { grace: 1h }";

test("SIGTERM: not ready at once, the request in flight finishes with Connection: close, exit 0", async (t) => {
  const { headgate, origin } = await start(t, () => undefined);
  const probe = await openWire(t, headgate.adminPort);
  probe.write(READYZ);
  assert.equal((await probe.readResponse()).status, 200);
  const client = await openWire(t, headgate.port);
  client.write(GET);
  const request = await origin.arrival(0);

  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  probe.write(READYZ);
  const ready = await probe.readResponse();
  assert.deepEqual([ready.status, ready.body.toString()], [503, "draining\n"]);

  await text("finished")(request);
  const answer = await client.readResponse();
  assert.deepEqual([answer.status, answer.body.toString()], [200, "finished"]);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
  assert.equal(await client.closed, "end");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.equal(headgate.stderr(), "");
});

test("SIGTERM: a download, an upload and a HEAD in flight finish too", async (t) => {
  const { headgate, origin } = await start(t, () => undefined, PATIENT);
  const download = await openWire(t, headgate.port);
  download.write(GET);
  const downloading = await origin.arrival(0);
  downloading.write(`${toHead("200 OK", ["Content-Length: 10"])}first`);
  await download.readHead();
  const upload = await openWire(t, headgate.port);
  upload.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
  const uploading = await origin.arrival(1);
  const probe = await openWire(t, headgate.port);
  probe.write("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const probing = await origin.arrival(2);

  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  downloading.write("later");
  assert.equal((await download.bytes.take(10)).toString(), "firstlater");
  upload.write("later");
  assert.equal((await uploading.completed).body.toString(), "firstlater");
  await text("ok")(uploading);
  assert.equal((await upload.readResponse()).status, 200);
  await chunked(["unseen"])(probing);
  assert.equal((await probe.readResponse("HEAD")).status, 200);
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.doesNotMatch(headgate.stdout(), /cut off/);
});

test("SIGTERM: idle and silent connections do not delay the exit", async (t) => {
  const { headgate } = await start(t, text("ok"), PATIENT);
  const idle = await openWire(t, headgate.port);
  idle.write(GET);
  await idle.readResponse();
  const silent = await openWire(t, headgate.port);
  const admin = await openWire(t, headgate.adminPort);
  admin.write(READYZ);
  await admin.readResponse();
  const silentAdmin = await openWire(t, headgate.adminPort);
  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  for (const wire of [idle, silent, admin, silentAdmin]) await wire.closed;
});

test("SIGTERM: a client that has its response and still uploads does not delay the exit", async (t) => {
  const refuse: Script = (request) =>
    request.write(toHead("413 Content Too Large", ["Content-Length: 0"]));
  const { headgate } = await start(t, refuse, PATIENT);
  const client = await openWire(t, headgate.port);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
  assert.equal((await client.readResponse()).status, 413);
  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
});

test("SIGINT is the same as SIGTERM", async (t) => {
  const { headgate } = await start(t, text("ok"));
  headgate.signal("SIGINT");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
});

// Symptom: a second SIGTERM within 50 ms of the first did nothing. Root cause: it counted as the echo of a Ctrl-C under npm.
// Fix: only an interrupt can have an echo.
test("a second signal exits at once", async (t) => {
  const { headgate, origin } = await start(t, () => undefined);
  const client = await openWire(t, headgate.port);
  client.write(GET);
  await origin.arrival(0);
  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  headgate.signal("SIGTERM");
  const { code } = await headgate.exited;
  assert.equal(code, 1, "3 is the end of the grace period");
});

test("a Ctrl-C that comes twice at once, as under npm start, is one stop", async (t) => {
  const { headgate, origin } = await start(t, () => undefined);
  const client = await openWire(t, headgate.port);
  client.write(GET);
  const request = await origin.arrival(0);
  headgate.signal("SIGINT");
  headgate.signal("SIGINT");
  await headgate.printed(/stopping/);
  await text("ok")(request);
  assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
});

test("exchanges that are not finished when the grace period ends are cut, and visibly truncated", async (t) => {
  const { headgate, origin } = await start(t, () => undefined, "shutdown: { grace: 300ms }");
  const client = await openWire(t, headgate.port);
  client.write(GET);
  const request = await origin.arrival(0);
  request.write(`${toHead("200 OK", ["Content-Length: 10"])}first`);
  await client.readHead();
  const tunnel = await openWire(t, headgate.port);
  tunnel.write("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const upgrading = await origin.arrival(1);
  upgrading.takeOver();
  upgrading.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  await tunnel.readHead();

  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  await client.closed;
  assert.equal(client.bytes.unread().toString(), "first");
  await tunnel.closed;
  const lines = headgate
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const last = said.at(-1);
  assert.match(String(last?.["msg"]), /grace period is over/);
  assert.equal(last?.["cut"], 2);
  const cut = said.filter((line) => "http.request.method" in line);
  assert.deepEqual(
    cut.map((line) => [line["level"], line["url.path"], line["error.type"]]),
    [["error", "/x", "shutting_down"]],
    "an unfinished request counts; a tunnel does not, as it has had its response",
  );
});

test("headgate accepts no new connection while it stops", async (t) => {
  const { headgate, origin } = await start(t, () => undefined);
  const client = await openWire(t, headgate.port);
  client.write(GET);
  const request = await origin.arrival(0);
  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  const late = connect({ host: "127.0.0.1", port: headgate.port });
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  await text("ok")(request);
  await headgate.exited;
});

test("shutdown.delay: headgate continues to accept for that time, sends Connection: close, and is not ready", async (t) => {
  const { headgate } = await start(t, text("ok"), "shutdown: { delay: 2s }");
  const kept = await openWire(t, headgate.port);
  kept.write(GET);
  await kept.readResponse();
  const signalled = performance.now();
  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  const probe = await openWire(t, headgate.adminPort);
  probe.write(READYZ);
  assert.equal((await probe.readResponse()).status, 503);
  for (const client of [kept, await openWire(t, headgate.port)]) {
    client.write(GET);
    const answer = await client.readResponse();
    assert.equal(answer.status, 200);
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    assert.equal(await client.closed, "end");
  }
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.ok(performance.now() - signalled >= 1900);
});

test("the log is complete when the process ends: the last request's line and the final line", async (t) => {
  const { headgate } = await start(t, text("ok"), "log: { access: all }");
  const client = await openWire(t, headgate.port);
  for (let turn = 0; turn < 200; turn += 1) {
    client.write(GET);
    await client.readResponse();
  }
  headgate.signal("SIGTERM");
  await headgate.exited;
  const lines = headgate
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { msg: string });
  assert.equal(lines.filter(({ msg }) => msg === "request").length, 200);
  assert.equal(lines.at(-1)?.msg, "stopped");
});

// Symptom: "stopped" was logged, and the process continued past the grace period while a HEAD was drained, or while an upstream did not
// read the last bytes of a tunnel. Root cause: headgate waited for client connections only, and an exchange may outlive its client.
// Fix: it waits for every exchange, and ends all of them at the end of the grace period. Found by the simulation.
test("a HEAD whose content is still drained after its client has disconnected is logged", async (t) => {
  const { headgate, request } = await startDraining(t, "head: { drain: { time: 20s } }");

  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  request.write("later");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.match(headgate.stdout(), /"body":"drained","bytes_drained":10/);
});

test("the drain of such a HEAD is cut at the end of the grace period, and logged", async (t) => {
  const yaml = "head: { drain: { time: 10m } }\nshutdown: { grace: 1s }";
  const { headgate } = await startDraining(t, yaml);

  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.match(headgate.stdout(), /"body":"aborted","bytes_drained":5/);
  assert.match(headgate.stdout(), /"cut":1/);
});

test("bytes that a client sent into a tunnel before it disconnected still reach the upstream", async (t) => {
  const { headgate, origin } = await start(
    t,
    (request) => void request.takeOver(),
    "log: { access: all }",
  );
  const client = await openWire(t, headgate.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  const request = await origin.arrival(0);
  const { socket, bytes } = request.connection;
  socket.pause();
  request.write(toHead("101 Switching Protocols", ["Connection: Upgrade", "Upgrade: echo"]));
  await client.readHead();
  const content = Buffer.alloc(8 * 1024 * 1024, "x"); // more than two kernels hold
  client.write(content);
  request.end();
  client.socket.end();

  headgate.signal("SIGTERM");
  await headgate.printed(/stopping/);
  socket.resume();
  assert.equal((await bytes.take(content.length)).length, content.length);
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  assert.match(headgate.stdout(), /"http.response.status_code":101/);
});

/** headgate with a HEAD whose client has disconnected, and half of whose content has come. */
async function startDraining(t: TestContext, yaml: string) {
  const { headgate, origin } = await start(t, () => undefined, `log: { access: all }\n${yaml}`);
  const client = await openWire(t, headgate.port);
  client.write("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const request = await origin.arrival(0);
  request.write(`${toHead("200 OK", ["Content-Length: 10"])}first`);
  assert.equal((await client.readResponse("HEAD")).status, 200);
  assert.equal(await client.closed, "end");
  return { headgate, request };
}

async function start(t: TestContext, script: Script, yaml = "") {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const origin = await startOrigin(t, script);
  const file = join(folder, "routes.yaml");
  writeFileSync(file, `upstream: ${origin.url}\n${yaml}\n`);
  return { origin, headgate: await startRun(t, ["--config", file]) };
}
