import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import test from "node:test";

import { compileFiles } from "../../scripts/compile.mjs";
import { createLogger } from "../../src/ops/log/logger.ts";

const [LOGGER = ""] = await compileFiles(["src/ops/log/logger.ts"]);

/** A process that logs to its standard output as a service does. `script` may use `log`; its result goes to stderr. */
function spawnLogging(script: string, stdout: "pipe" | number = "pipe") {
  const source = `
    import { createLogger } from ${JSON.stringify(LOGGER)};
    process.stdout; // Any use of it makes a pipe non-blocking, as it is in the service.
    const log = createLogger({ level: "info", format: "json" });
    ${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["pipe", stdout, "pipe"],
    // Some of these tests are about a process that hangs: the timeout makes them fail instead of waiting for ever.
    timeout: 30_000,
  });
  return {
    child,
    stdout: child.stdout ?? Readable.from([]),
    stderr: child.stderr ?? Readable.from([]),
  };
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

test("a line below the level is not written, and silent writes nothing", () => {
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
  assert.match(lines.join(""), /^\d\d:\d\d:\d\d\.\d{3} listening port=8080\n$/);
});

// Symptom: on a terminal a failed reload was one line with "\\x0a" in it, and the caret did not point at the mistake.
// Root cause: headgate's own message was printed like a client's text, which must not contain line breaks.
// Fix: a message of headgate's own keeps its lines, indented after the first; a finished line of an exchange stays one line.
test("a message of headgate's own keeps its lines in the pretty format, none of them at the margin", () => {
  let said = "";
  const log = createLogger({ level: "info", format: "pretty" }, (line) => (said += line));
  log.error(
    { trigger: "file\nforged" },
    "not reloaded: a.yaml:3:5 upsteam: unknown\n  3 | upsteam: x\x1b[2J\n    | ^^^^^^^",
  );
  assert.equal(
    said.slice("12:03:04.123 ".length),
    String.raw`not reloaded: a.yaml:3:5 upsteam: unknown level=error trigger="file\\x0aforged"
      3 | upsteam: x\x1b[2J
        | ^^^^^^^
`,
  );
  said = "";
  log.lines(Buffer.from('{"level":"info","time":"2025-01-31T12:03:04.123Z","msg":"a\\nb"}\n'), 1);
  assert.equal(said, '12:03:04.123 "a\\\\x0ab"\n');
});

test("finished lines are written unchanged, or made pretty if the format is pretty", () => {
  const line = '{"level":"info","time":"2025-01-31T12:03:04.123Z","n":1,"msg":"é"}\n';
  for (const [format, expected] of [
    ["json", line] as const,
    ["pretty", '12:03:04.123 "é" n=1\n'] as const,
  ]) {
    const lines: string[] = [];
    createLogger({ level: "info", format }, (each) => lines.push(each)).lines(
      Buffer.from(line + line),
      2,
    );
    assert.deepEqual(lines, [expected, expected]);
  }
});

test("finished lines that are not read are counted one by one", async () => {
  const { child, stdout, stderr } = spawnLogging(`
    for (let n = 0; n < 40; n += 1) log.lines(Buffer.from(("x".repeat(99) + "\\n").repeat(1000)), 1000);
    await log.flush();
    console.error(log.droppedLines());
    process.exit(0);`);
  let taken = 0;
  // The pipe is paused, and read only after the process has ended: it holds what was written until then.
  stdout.on("data", (bytes) => (taken += String(bytes).split("\n").length - 1)).pause();
  const [report] = await Promise.all([text(stderr), once(child, "close")]);
  assert.ok(Number(report) > 20_000, report);
  assert.equal(Number(report) + taken, 40_000, "what the pipe holds was not lost");
});

test("nothing is lost when the process exits right after the flush", async () => {
  const { stdout } = spawnLogging(`
    for (let n = 0; n < 4000; n += 1) log.info({ n }, "x".repeat(100));
    await log.flush();
    process.exit(0);`);
  const lines = (await text(stdout)).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { n: number }).n),
    Array.from({ length: 4000 }, (_, n) => n),
  );
});

test("nothing is lost when the process ends by itself", async () => {
  const { stdout } = spawnLogging(`log.info({}, "last words");`);
  assert.match(await text(stdout), /"msg":"last words"\}\n$/);
});

test("a reader that stalls stops no process: lines beyond the buffer are dropped and counted, and the process ends", async () => {
  const { child, stderr } = spawnLogging(`
    for (let n = 0; n < 200; n += 1) {
      for (let i = 0; i < 100; i += 1) log.info({ n }, "x".repeat(400));
      await new Promise(setImmediate);
    }
    const dropped = log.droppedLines();
    await log.flush();
    console.error(JSON.stringify({ dropped, afterFlush: log.droppedLines() }));
    process.exit(0);`);
  const [report, [code]] = await Promise.all([text(stderr), once(child, "exit")]);
  assert.equal(code, 0);
  const { dropped, afterFlush } = JSON.parse(report) as { dropped: number; afterFlush: number };
  // Some 2,500 of 20,000 lines fit into the buffer and a few hundred into the pipe; the flush gives those up as well.
  assert.ok(dropped > 15_000 && dropped < 20_000, report);
  assert.ok(afterFlush > dropped && afterFlush <= 20_000, report);
});

test("a reader that is late now and then loses no line and gets no line mixed up", async () => {
  // The writer holds fewer bytes than the log may buffer, so only a fault can lose a line, not a slow machine.
  const { child, stdout, stderr } = spawnLogging(`
    let allowed = 20;
    let allow;
    process.stdin.on("data", (acknowledged) => {
      allowed += acknowledged.length;
      allow?.();
    });
    for (let n = 0; n < 60_000; n += 400) {
      const lines = Array.from({ length: 400 }, (_, i) => String(n + i).padEnd(99, "x") + "\\n");
      log.lines(Buffer.from(lines.join("")), 400);
      for (allowed -= 1; allowed === 0; ) await new Promise((resolve) => (allow = resolve));
    }
    await log.flush();
    console.error(log.droppedLines());
    process.exit(0);`);
  const dropped = text(stderr);
  child.stdin?.on("error", () => undefined); // it may end before the destination learns of it
  let received = "";
  let acknowledged = 0;
  for await (const chunk of stdout) {
    received += String(chunk);
    const batches = Math.floor(received.length / 40_000) - acknowledged;
    if (batches < 10) continue;
    await new Promise((resolve) => setTimeout(resolve, 60));
    child.stdin?.write("x".repeat(batches));
    acknowledged += batches;
  }
  assert.equal((await dropped).trim(), "0");
  const numbers = received.trimEnd().split("\n").map(Number.parseFloat);
  assert.ok(numbers.every((number, index) => number === index));
  assert.equal(numbers.length, 60_000);
});

test("a full disk stops no process: it continues to serve, counts the lost lines and ends", async () => {
  const full = openSync("/dev/full", "w");
  const { child, stderr } = spawnLogging(
    `
    log.info({}, "lost");
    await log.flush();
    console.error(log.droppedLines());
    process.exit(0);`,
    full,
  );
  closeSync(full);
  const [report, [code]] = await Promise.all([text(stderr), once(child, "exit")]);
  assert.equal(report.trim(), "1");
  assert.equal(code, 0);
});

test("a reader that goes away stops no process", async () => {
  const { child, stdout, stderr } = spawnLogging(`
    log.info({}, "first");
    const until = Date.now() + 20_000;
    while (log.droppedLines() === 0 && Date.now() < until) {
      log.info({}, "more");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await log.flush();
    console.error(log.droppedLines() > 0 ? "serving" : "unnoticed");
    process.exit(0);`);
  await once(stdout, "data");
  stdout.destroy();
  const [report, [code]] = await Promise.all([text(stderr), once(child, "exit")]);
  assert.equal(report.trim(), "serving");
  assert.equal(code, 0);
});
