/** The demo is what users try first: this runs the commands that it prints, unchanged. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import test from "node:test";
import { promisify } from "node:util";
import { startProcess } from "../support/process.ts";

const runFile = promisify(execFile);

test("headgate demo prints two curl lines: the first gets 405, the second 200 with the GET's fields", async (t) => {
  const demo = startProcess(t, ["demo"]);
  await demo.printed(/Ctrl-C/);
  const lines = demo
    .stdout()
    .split("\n")
    .flatMap((line) => /^\s*(curl -I \S+)/.exec(line)?.[1] ?? []);
  assert.equal(lines.length, 2);
  // Ports of any width: the comments are aligned.
  const remarks = demo.stdout().match(/^ {2}curl -I .*#/gm) ?? [];
  assert.equal(new Set(remarks.map((line) => line.length)).size, 1, remarks.join("\n"));
  const [direct = "", through = ""] = await Promise.all(lines.map(run));
  assert.match(direct, /^HTTP\/1\.1 405 Method Not Allowed\r\n/);
  assert.match(through, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(through, /^content-length: 15\r\n/im);
  assert.match(through, /^content-type: application\/json\r\n/im);

  const get = await run((lines[1] ?? "").replace(" -I", " -s"));
  assert.equal(get, '{"status":"ok"}');
  demo.signal("SIGINT");
  assert.deepEqual(await demo.exited, { code: 0, signal: null });
  assert.equal(demo.stderr(), "");
});

// `npx headgate demo` ended with a line of npm, which works in a clone only.
test("headgate demo ends with a command that works where the demo was started", async (t) => {
  const installed = startProcess(t, ["demo"], { npm_lifecycle_event: "npx" });
  await installed.printed(/^ {2}headgate doctor .*\n[^]*^ {2}headgate run --upstream /m);
  const clone = startProcess(t, ["demo"], { npm_lifecycle_event: "start" });
  await clone.printed(/^ {2}npm start -- doctor .*\n[^]*^ {2}npm start -- run --upstream /m);
});

test("two demos run side by side", async (t) => {
  const demos = [startProcess(t, ["demo"])];
  await demos[0]?.printed(/Ctrl-C/);
  demos.push(startProcess(t, ["demo"]));
  for (const demo of demos) {
    await demo.printed(/Ctrl-C/);
    const line = /^\s*(curl -I \S+).*200 OK/m.exec(demo.stdout())?.[1] ?? assert.fail();
    assert.match(await run(line), /^HTTP\/1\.1 200 OK\r\n/);
  }
});

async function run(line: string): Promise<string> {
  const [command = "", ...args] = line.split(" ");
  const { stdout } = await runFile(command, args);
  return stdout;
}
