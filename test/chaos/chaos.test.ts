import assert from "node:assert/strict";
import test from "node:test";
import { runChaos } from "../../tools/chaos/chaos.ts";
import { parseOptions } from "../../tools/chaos/options.ts";

test("chaos for two seconds breaks no promise, leaves nothing behind and leaks no memory", async (t) => {
  const options = parseOptions(["--seconds=2", "--warm=200", "--requests=400"]);
  assert.ok(options !== undefined);
  const said: string[] = [];
  const { ledger, memory } = await runChaos(options, (line) => said.push(line));
  t.diagnostic(`seed ${options.seed}, ${JSON.stringify(memory)}`);
  assert.deepEqual(
    ledger.violations,
    [],
    `npm run chaos -- --seed ${options.seed}\n${said.join("\n")}`,
  );
  assert.ok(memory !== undefined && memory.end.requests > memory.warm.requests);
});
