import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { text } from "node:stream/consumers";

import { createLogger } from "../../src/ops/logger.ts";

const LOGGER = new URL("../../src/ops/logger.ts", import.meta.url).href;

/** A process that logs to its standard output as a service does. `script` may use `log`; its result goes to stderr. */
function spawnLogging(script: string) {
  const source = `
    import { createLogger } from ${JSON.stringify(LOGGER)};
    process.stdout; // Any use of it makes a pipe non-blocking, as it is in the service.
    const log = createLogger({ level: "info", format: "json" });
    ${script}`;
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("a line is one JSON object with ISO time, the level's name, the fields and the message", () => {
  const lines: string[] = [];
  const before = new Date().toISOString();
  const log = createLogger({ level: "info", format: "json" }, (line) => lines.push(line));
  log.warn({ route: "a", n: 1, absent: undefined }, "100 %s %%");
  const { time, ...line } = JSON.parse(lines.join("")) as Record<string, unknown>;
  assert.deepEqual(line, { level: "warn", route: "a", n: 1, msg: "100 %s %%" });
  assert.ok(String(time) >= before && String(time) <= new Date().toISOString());
});

test("what is below the level is not written, and silent writes nothing", () => {
  for (const [level, expected] of [["warn", 2] as const, ["silent", 0] as const]) {
    const lines: string[] = [];
    const log = createLogger({ level, format: "json" }, (line) => lines.push(line));
    for (const name of ["debug", "info", "warn", "error"] as const) log[name]({}, "x");
    assert.equal(lines.length, expected);
  }
});

test("the pretty format is for people", () => {
  const lines: string[] = [];
  createLogger({ level: "info", format: "pretty" }, (line) => lines.push(line)).info(
    { port: 8080 },
    "listening",
  );
  assert.match(lines.join(""), /^\d\d:\d\d:\d\d\.\d{3} INFO  listening port=8080\n$/);
});

test("nothing is lost when the process exits right after the flush", async () => {
  const child = spawnLogging(`
    for (let n = 0; n < 4000; n += 1) log.info({ n }, "x".repeat(100));
    await log.flush();
    process.exit(0);`);
  const lines = (await text(child.stdout)).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { n: number }).n),
    Array.from({ length: 4000 }, (_, n) => n),
  );
});

test("nothing is lost when the process runs out of work", async () => {
  const child = spawnLogging(`log.info({}, "last words");`);
  assert.match(await text(child.stdout), /"msg":"last words"\}\n$/);
});

test("a command's lines are written at once", async () => {
  const child = spawnLogging(`
    createLogger({ level: "info", format: "json" }, { fd: 1, write: "sync" }).info({}, "done");
    process.exit(0);`);
  assert.match(await text(child.stdout), /"msg":"done"\}\n$/);
});

test("a reader that stalls stops nobody: lines beyond the buffer are dropped and counted, and the process ends", async () => {
  const child = spawnLogging(`
    for (let n = 0; n < 200; n += 1) {
      for (let i = 0; i < 100; i += 1) log.info({ n }, "x".repeat(400));
      await new Promise(setImmediate);
    }
    const { heapUsed } = process.memoryUsage();
    await log.flush();
    console.error(JSON.stringify({ dropped: log.droppedLines(), heapUsed }));
    process.exit(0);`);
  const [report] = await Promise.all([text(child.stderr), once(child, "exit")]);
  const { dropped, heapUsed } = JSON.parse(report) as { dropped: number; heapUsed: number };
  assert.ok(dropped > 10_000 && dropped <= 20_000, report);
  assert.ok(heapUsed < 100 * 1024 * 1024, report);
});

test("a reader that goes away stops nobody either", async () => {
  const child = spawnLogging(`
    process.stdin.resume();
    log.info({}, "first");
    const until = Date.now() + 20_000;
    while (log.droppedLines() === 0 && Date.now() < until) {
      log.info({}, "more");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await log.flush();
    console.error(log.droppedLines() > 0 ? "serving" : "unnoticed");
    process.exit(0);`);
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [report, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(report.trim(), "serving");
  assert.equal(code, 0);
});
