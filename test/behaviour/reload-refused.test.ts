import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { text } from "../support/responses.ts";
import { startEdited } from "../support/binary.ts";
import { startOrigin } from "../support/origin.ts";
import { openWire } from "../support/wire.ts";
import { writeFileSync } from "node:fs";

const SUCCESSFUL = "headgate_config_last_reload_successful";

test("an invalid file changes nothing, and the log and a metric show it until a valid one comes", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const good = `upstream: ${origin.url}\nlog: { level: info }\n`;
  const headgate = await startEdited(t, good);
  const get = async () => (await fetch(`http://127.0.0.1:${headgate.port}/`)).status;
  assert.equal(await headgate.metric(SUCCESSFUL), 1);
  const since = await headgate.metric("headgate_config_last_reload_success_timestamp_seconds");

  const line = await headgate.edit("upstream: nowhere\nlog: { level: silent }\nroutes: [{}]\n");
  assert.equal(line["level"], "error");
  assert.match(String(line["msg"]), /^not reloaded, the old configuration stays in use: /);
  assert.match(String(line["msg"]), /routes\.yaml:3:11 upstream: must begin with http:\/\//);
  assert.match(String(line["msg"]), /routes\[0\].*path/s);
  assert.equal(await headgate.metric(SUCCESSFUL), 0);
  assert.equal(
    await headgate.metric("headgate_config_last_reload_success_timestamp_seconds"),
    since,
  );
  assert.equal(await get(), 200);

  assert.equal((await headgate.edit(good))["level"], "info");
  assert.equal(await headgate.metric(SUCCESSFUL), 1);
  assert.equal(await get(), 200);
});

for (const key of ["listen", "admin"]) {
  test(`a changed ${key} is refused, with all other changes`, async (t) => {
    const origin = await startOrigin(t, text("x"));
    const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
    const addresses = { listen: "127.0.0.1:0", admin: "127.0.0.1:0", [key]: "127.0.0.1:1" };
    const from = headgate.lines.length;
    writeFileSync(
      headgate.file,
      `listen: ${addresses.listen}\nadmin: ${addresses.admin}\nupstream: ${origin.url}\nhead: pass\n`,
    );
    const line = await headgate.reloaded(from, "file");
    assert.equal(line["level"], "error");
    assert.match(String(line["msg"]), new RegExp(`${key} has changed, which needs a restart`));
    assert.equal(await headgate.metric(SUCCESSFUL), 0);
    await fetch(`http://127.0.0.1:${headgate.port}/`, { method: "HEAD" });
    assert.equal(origin.arrivals.at(-1)?.method, "GET");
  });
}

test("a changed log.format is reported as needing a restart, the rest is applied", async (t) => {
  const headgate = await startEdited(t, "upstream: http://127.0.0.1:9\n");
  const yaml = "upstream: http://127.0.0.1:9\nlog: { format: pretty, level: debug }\n";
  assert.equal((await headgate.edit(yaml))["level"], "info");
  const warning = await headgate.line(({ level }) => level === "warn");
  assert.match(String(warning["msg"]), /log\.format has changed/);
});

test("a reload during the shutdown changes nothing, and the shutdown ends as usual", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  const wire = await openWire(t, headgate.port);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const arrival = await origin.arrival(0);
  headgate.child.kill("SIGTERM");
  await headgate.line(({ msg }) => String(msg).startsWith("stopping"));
  const line = await headgate.hangUp();
  assert.match(String(line["msg"]), /^not reloaded.*headgate is stopping/);
  arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal(await headgate.exited, 0);
});

test("SIGHUP right after the start reloads", async (t) => {
  // In any state of the process: it has reported that it listens, and the signal must not end it.
  const headgate = await startEdited(t, "upstream: http://127.0.0.1:9\n");
  for (let count = 0; count < 20; count += 1) headgate.child.kill("SIGHUP");
  await headgate.reloaded(0, "SIGHUP");
  headgate.child.kill("SIGTERM");
  const [code] = (await once(headgate.child, "exit")) as [number];
  assert.equal(code, 0);
});
