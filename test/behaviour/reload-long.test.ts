// Symptom: half a megabyte of `[` in the route file stopped all traffic for six seconds and took 430 MiB; other texts took a
// minute. Cause and fix: test/config/file-limits.test.ts.

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { type Edited, startEdited } from "../support/binary.ts";
import { startOrigin } from "../support/origin.ts";
import { forgetPeak, peakBytes } from "../support/process.ts";

const KIBIBYTE = 1024;
/** A wrong file may take this many times the CPU time of a good one. */
const MAX_TIMES = 4;
const MAX_MEBIBYTES = 150;

/** A text of that many bytes, made of lines or words. */
function fill(bytes: number, toPart: (index: number) => string): string {
  let all = "";
  for (let index = 0; all.length < bytes; index += 1) all += toPart(index);
  return all.slice(0, bytes);
}

/** Each of them took seconds. */
const WRONG: Readonly<Record<string, string>> = {
  "brackets, half a megabyte": "[".repeat(500 * KIBIBYTE),
  "brackets, as many as a file may have": `routes: ${"[".repeat(250 * KIBIBYTE)}`,
  "pairs of brackets": "[]".repeat(125 * KIBIBYTE),
  "closing brackets, a line each": "]\n".repeat(125 * KIBIBYTE),
  "commas in a list": `routes: [${",".repeat(250 * KIBIBYTE)}`,
  "escapes that are none": `routes: "${"\\q".repeat(125 * KIBIBYTE)}"`,
  "unknown keys": fill(250 * KIBIBYTE, (index) => `k${index}: 1\n`),
  "unknown keys, as many as a file may have": fill(60 * KIBIBYTE, (index) => `k${index}: 1\n`),
  "names of upstreams that are nearly right":
    `upstreams:\n${fill(30 * KIBIBYTE, (index) => ` up${index}: http://a\n`)}\n` +
    `routes:\n${fill(70 * KIBIBYTE, (index) => `- { path: /${index}, upstream: uq${index} }\n`)}`,
  "one text": "a".repeat(250 * KIBIBYTE),
};

test("a route file that is wrong everywhere costs no more than a few times what a long valid one does", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const good = `upstream: ${origin.url}\n`;
  const routes = Array.from(
    { length: 2_000 },
    (_, index) => `  - path: /${index}\n    head: pass\n`,
  );
  const long = `${good}routes:\n${routes.join("")}`;
  const headgate = await startEdited(t, good);
  const costs: number[] = [];
  for (const yaml of [long, good, long]) {
    const { line, cpuSeconds } = await editAndMeasure(headgate, yaml);
    assert.equal(line["level"], "info");
    costs.push(cpuSeconds);
  }
  const max = Math.max(...costs) * MAX_TIMES;

  forgetPeak(headgate.pid);
  const before = peakBytes(headgate.pid);
  for (const [what, yaml] of Object.entries(WRONG)) {
    const { line, cpuSeconds } = await editAndMeasure(headgate, yaml);
    assert.equal(line["level"], "error", what);
    assert.ok(cpuSeconds < max, `${what}: ${cpuSeconds.toFixed(2)} s, ${max.toFixed(2)} at most`);
    assert.equal((await fetch(`http://127.0.0.1:${headgate.port}/`)).status, 200);
  }
  const grown = (peakBytes(headgate.pid) - before) / KIBIBYTE ** 2;
  assert.ok(grown < MAX_MEBIBYTES, `${grown.toFixed(0)} MiB`);
});

/** Has a file read, and returns the CPU time of all threads of the process meanwhile. */
async function editAndMeasure(headgate: Edited, yaml: string) {
  const cpu = (): Promise<number> => headgate.metric("process_cpu_seconds_total");
  const before = await cpu();
  const line = await headgate.edit(yaml);
  return { line, cpuSeconds: (await cpu()) - before };
}
