// What doctor writes to a real terminal: a progress line that is seen, is erased, and is never in a pipe.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { startOrigin } from "../support/origin.ts";
import { BUNDLE } from "../support/real.ts";
import { makeDirectory } from "../support/route-file.ts";
import { runOnTerminal, terminalMissing, toScreen } from "../support/terminal.ts";

const skip = terminalMissing();
const LONG = `/${"long-".repeat(40)}`;
const PROGRESS = /\r\u001b\[K(\d+ of \d+: [^\r]*)/g;

async function doctorOf(t: TestContext): Promise<readonly string[]> {
  const { url } = await startOrigin(t, ({ method, write }) => {
    if (method === "HEAD") write("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    else write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  });
  return [process.execPath, BUNDLE, "doctor", url, "/a", LONG];
}

/** The report as a pipe gets it; standard error has nothing. */
async function plainOf(t: TestContext, command: readonly string[]): Promise<string> {
  const folder = await makeDirectory(t, {});
  const script = `"$@" >'${folder}/out' 2>'${folder}/err'`;
  const { code, stdout } = await runOnTerminal(["sh", "-c", script, "sh", ...command]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(readFileSync(join(folder, "err"), "utf8"), "");
  const out = readFileSync(join(folder, "out"), "utf8");
  assert.doesNotMatch(out, /[\r\u001b]/);
  return out;
}

test(
  "the progress line is seen on a terminal, fits it, and is gone at the end",
  { skip },
  async (t) => {
    const command = await doctorOf(t);
    const { code, stdout } = await runOnTerminal(command, { NO_COLOR: "" });
    assert.equal(code, 1);
    const seen = [...stdout.matchAll(PROGRESS)].map(([, text = ""]) => text);
    assert.deepEqual(seen, ["1 of 2: /a", `2 of 2: ${LONG.slice(0, 20)}`]);
    assert.ok(seen.every((text) => text.length < 80));
    assert.match(stdout, /\u001b\[31mrefuses HEAD\u001b\[0m/);
    assert.equal(toScreen(stdout).join("\n"), await plainOf(t, command));
  },
);

test(
  "where the report goes to a pipe, the terminal has the progress line, and the pipe has not",
  { skip },
  async (t) => {
    const command = await doctorOf(t);
    const folder = await makeDirectory(t, {});
    const script = `"$@" | cat >'${folder}/out'`;
    const { stdout } = await runOnTerminal(["sh", "-c", script, "sh", ...command]);
    assert.equal([...stdout.matchAll(PROGRESS)].length, 2);
    assert.deepEqual(toScreen(stdout), [""]);
    assert.equal(readFileSync(join(folder, "out"), "utf8"), await plainOf(t, command));
  },
);

test("where standard error goes to a file, it has no progress line", { skip }, async (t) => {
  const command = await doctorOf(t);
  const folder = await makeDirectory(t, {});
  const script = `"$@" 2>'${folder}/err'`;
  const { stdout } = await runOnTerminal(["sh", "-c", script, "sh", ...command]);
  assert.equal(readFileSync(join(folder, "err"), "utf8"), "");
  assert.deepEqual([...stdout.matchAll(PROGRESS)], []);
  assert.equal(toScreen(stdout).join("\n"), await plainOf(t, command));
});

test("every line of the report fits the terminal", { skip }, async (t) => {
  const { stdout } = await runOnTerminal(await doctorOf(t));
  const lines = toScreen(stdout);
  assert.deepEqual(
    lines.filter((line) => line.length > 80 && !line.startsWith("Next: ")),
    [],
  );
});
