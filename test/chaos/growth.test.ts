/** Chaos judges live memory. That it reports nothing about headgate itself is in chaos.test.ts. */

import assert from "node:assert/strict";
import test from "node:test";
import { runChaos } from "../../tools/chaos/chaos.ts";
import { findGrowth } from "../../tools/chaos/growth.ts";
import { parseOptions } from "../../tools/chaos/options.ts";

const MEBIBYTE = 1024 ** 2;

/** Each write to a connection keeps 16 KiB of both. headgate writes to one for each request that it sends upstream. */
const LEAK = `import { Socket } from "node:net";
const { write } = Socket.prototype;
const kept = [];
Socket.prototype.write = function (...args) {
  kept.push(new Array(2048).fill(kept.length), Buffer.alloc(16384, 1));
  return write.apply(this, args);
};`;

const PLANTED = ["--import", `data:text/javascript,${encodeURIComponent(LEAK)}`];

test("chaos reports a headgate that leaks objects and buffers", async (t) => {
  const options = parseOptions(["--seconds=1", "--warm=200", "--requests=500", "--roads=tcp,unix"]);
  assert.ok(options !== undefined);
  const said: string[] = [];
  const { ledger, memory } = await runChaos(options, (line) => said.push(line), PLANTED);
  t.diagnostic(`seed ${options.seed}, ${JSON.stringify(memory)}`);
  const found = ledger.violations.map(({ what }) => what.replaceAll(/\d+/g, "N"));
  for (const what of ["live objects", "live memory outside the heap"])
    assert.ok(found.includes(`${what} grew by N bytes in N requests`), found.join("\n"));
});

test("chaos allows each kind of memory to grow a little", () => {
  const memory = { objects: 9 * MEBIBYTE, external: 3 * MEBIBYTE, resident: 80 * MEBIBYTE };
  const warm = { requests: 1_000, memory };
  const grownBy = (more: Partial<typeof memory>): readonly string[] =>
    findGrowth(warm, { requests: 11_000, memory: { ...memory, ...more } });
  assert.deepEqual(
    grownBy({ objects: 10 * MEBIBYTE, external: 3.5 * MEBIBYTE, resident: 100 * MEBIBYTE }),
    [],
  );
  assert.deepEqual(grownBy({ objects: 12 * MEBIBYTE }), [
    `live objects grew by ${3 * MEBIBYTE} bytes in 10000 requests`,
  ]);
  assert.deepEqual(grownBy({ external: 5 * MEBIBYTE }), [
    `live memory outside the heap grew by ${2 * MEBIBYTE} bytes in 10000 requests`,
  ]);
  assert.deepEqual(grownBy({ resident: 180 * MEBIBYTE }), [
    `resident memory grew by ${100 * MEBIBYTE} bytes in 10000 requests`,
  ]);
});
