// Symptom: the reload of a route file of half a megabyte of brackets stopped all traffic for six seconds and took 430 MiB; other files took
// up to a minute.
// Root cause: the YAML package got the full text at once, and only then was the depth checked; every mistake was put into words, found by a
// search through its mapping, and compared with every known name.
// Fix: limits are checked token by token before the package continues, the event loop runs between steps, and no more mistakes are
// collected than are shown.

import assert from "node:assert/strict";
import test from "node:test";
import { loadText, messageOf } from "../support/route-file.ts";

const UPSTREAM = "upstream: http://127.0.0.1:8000\n";
const MAX_BYTES = 256 * 1024;

/** That many lines. */
function repeat(count: number, toLine: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => toLine(index)).join("");
}

test("two thousand routes load", async (t) => {
  const routes = repeat(
    2_000,
    (index) =>
      `  - path: /users/{id}/things/${index}/*\n    head: pass\n    host: api.example.com\n`,
  );
  assert.equal((await loadText(t, `${UPSTREAM}routes:\n${routes}`)).config.routes.length, 2_000);
});

test("a file of 256 KiB loads, and one byte more does not", async (t) => {
  const full = UPSTREAM + `# ${"é".repeat(3_000)}\n`.repeat(100);
  const fill = MAX_BYTES - Buffer.byteLength(full.slice(0, 120_000));
  const text = `${full.slice(0, 120_000)}\n#`.padEnd(120_000 + fill, "#");
  assert.equal(Buffer.byteLength(text), MAX_BYTES);
  assert.equal((await loadText(t, text)).config.routes.length, 0);
  for (const more of ["#", "#".repeat(10 * 1024 * 1024)])
    assert.equal(await messageOf(loadText(t, text + more)), "f.yaml: is larger than 256 KiB");
});

const DEEP = /is nested deeper than 32 levels/;
const LONG = /is longer than 4096 characters/;
const WIDE = /has more than 4096 entries/;
const MANY = /the file holds more than 65536 words and marks/;

/** Texts that no operator means, and the error for each. */
const EXCESSES: readonly (readonly [text: string, message: RegExp])[] = [
  ["[".repeat(200_000), /^f\.yaml:1:33: is nested deeper than 32 levels/],
  [`${UPSTREAM}routes: ${"[".repeat(200_000)}`, /^f\.yaml:2:40: is nested deeper/],
  ["{".repeat(200_000), DEEP],
  ["{a: ".repeat(50_000), DEEP],
  ["- ".repeat(100_000), DEEP],
  ["? ".repeat(100_000), DEEP],
  [": ".repeat(100_000), DEEP],
  ["a: ".repeat(50_000), DEEP],
  [repeat(500, (index) => `${" ".repeat(index)}a:\n`), /^f\.yaml:33:33: is nested deeper/],
  [repeat(500, (index) => `${" ".repeat(index)}-\n`), DEEP],
  [`listen: ${"a".repeat(5_000)}\n`, /^f\.yaml:1:9: is longer than 4096 characters/],
  [`listen: "${"a".repeat(5_000)}"\n`, LONG],
  [`listen: '${"a".repeat(5_000)}\n`, LONG],
  [`listen: |\n${" a\n".repeat(5_000)}`, LONG],
  [`listen:\n${" a\n".repeat(5_000)}`, LONG],
  [`? ${"a".repeat(5_000)}\n: 1\n`, LONG],
  [`listen: \${A:-${"a".repeat(4_000)}}\${A:-${"a".repeat(4_000)}}\n`, LONG],
  ["[]".repeat(100_000), /^f\.yaml:1:1: put it in quotes/],
  ["]".repeat(100_000), /^f\.yaml:1:1: this \] has no \[ before it/],
  ["a,".repeat(100_000), LONG],
  [`[${"a,".repeat(100_000)}]`, WIDE],
  ["#\n".repeat(100_000), MANY],
  ["\n".repeat(200_000), MANY],
  ["- &a 1\n".repeat(30_000), WIDE],
  ["- *a\n".repeat(50_000), WIDE],
  ["- !t 1\n".repeat(30_000), WIDE],
  ["---\n".repeat(50_000), MANY],
  [`${UPSTREAM}routes:\n${repeat(15_000, (index) => `- path: /${index}\n`)}`, WIDE],
  [`routes: [${repeat(15_000, (index) => `{path: /${index}},`)}]`, WIDE],
];
for (const [text, message] of EXCESSES) {
  test(`${JSON.stringify(text.slice(0, 40))} … is refused with its line and column`, async (t) => {
    assert.ok(Buffer.byteLength(text) <= MAX_BYTES);
    assert.match(await messageOf(loadText(t, text)), message);
  });
}

test("a deep or long file within the limits loads", async (t) => {
  const text = `${UPSTREAM}routes: [{ path: "/${"a".repeat(4_000)}" }]\n# ${"a".repeat(5_000)}\n`;
  assert.equal((await loadText(t, text)).config.routes.length, 1);
  const nested = `x: ${"[".repeat(31)}1${"]".repeat(31)}\n`;
  assert.match(
    await messageOf(loadText(t, UPSTREAM + nested)),
    /^f\.yaml:2:1 x: is not a known key/,
  );
});

/** Files with an error at each character. The YAML package's own errors are collected up to a hundred. */
const WRONG: readonly (readonly [text: string, count: RegExp])[] = [
  [`listen: "${"\\q".repeat(2_000)}"\n`, /^(?!.*more)/s],
  [`${UPSTREAM}${"]\n".repeat(20_000)}`, /^(?!.*more)/s],
  ["a: [\nb\n" + "c,\n".repeat(20_000), /^(?!.*more)/s],
  [repeat(4_000, (index) => `k${index}: 1\n`), /\n… and 3901 more$/], // and no upstream
  [`${UPSTREAM}routes: [${"1,".repeat(4_000)}]\n`, /\n… and 3900 more$/],
  [`${UPSTREAM}${"head: pass\n".repeat(4_000)}`, /\n… and 3899 more$/],
  [`${UPSTREAM}routes:\n${"- path: /\n".repeat(4_000)}`, /\n… and 3899 more$/],
  [`${UPSTREAM}routes:\n${"- path: ${A}\n".repeat(4_000)}`, /\n… and 3900 more$/],
];
for (const [text, count] of WRONG) {
  test(`of the mistakes in ${JSON.stringify(text.slice(-20))} … a hundred are shown, in the order of the file`, async (t) => {
    const message = await messageOf(loadText(t, text));
    const lines = [...message.matchAll(/^f\.yaml:(\d+):(\d+)/gm)].map(
      ([, line, column]) => Number(line) * 1e6 + Number(column),
    );
    assert.ok(lines.length <= 100, `${lines.length} are shown`);
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    );
    assert.match(message, count);
  });
}

test("a similar name is looked for only if it is shown and there are few names", async (t) => {
  const upstreams = (count: number): string =>
    `upstreams:\n${repeat(count, (index) => `  up${index}: http://127.0.0.1:9\n`)}`;
  const routes = `routes:\n${repeat(1_000, (index) => `  - { path: /${index}, upstream: app${index} }\n`)}`;
  const few = await messageOf(
    loadText(t, `${UPSTREAM}upstreams: { app: "http://127.0.0.1:9" }\n${routes}`),
  );
  assert.match(few, /"app0" is not in upstreams; did you mean "app"\?/);
  const many = await messageOf(loadText(t, `${UPSTREAM}${upstreams(1_000)}${routes}`));
  assert.doesNotMatch(many, /did you mean/);
});

test("a long file is read in steps, and the event loop runs between them", async (t) => {
  const routes = repeat(2_000, (index) => `  - { path: /r${index}/*, head: pass }\n`);
  let share = 1;
  // The longest step is a quarter of the work. Other work in this process can only add to it.
  for (let round = 0; round < 5 && share >= 0.5; round += 1)
    share = Math.min(share, await maxStep(() => loadText(t, `${UPSTREAM}routes:\n${routes}`)));
  assert.ok(share < 0.5, `${(share * 100).toFixed(0)} % of the work is done at one go`);
});

/** How much of a task's CPU time its longest step takes. */
async function maxStep(task: () => Promise<unknown>): Promise<number> {
  const before = cpuMs();
  let last = before;
  let longest = 0;
  let isOver = false;
  const look = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await task();
  isOver = true;
  return longest / (cpuMs() - before);
}

/** CPU time, which does not depend on how busy the machine is. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
