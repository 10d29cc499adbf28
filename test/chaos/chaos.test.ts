import assert from "node:assert/strict";
import test from "node:test";
import { runChaos } from "../../tools/chaos/chaos.ts";
import { parseOptions } from "../../tools/chaos/options.ts";

test("chaos for two seconds breaks no promise and leaves nothing behind", async (t) => {
  const options = parseOptions(["--seconds=2"]);
  assert.ok(options !== undefined);
  const said: string[] = [];
  const { ledger } = await runChaos(options, (line) => said.push(line));
  t.diagnostic(`seed ${options.seed}, ${ledger.ended()} requests`);
  assert.deepEqual(
    ledger.violations,
    [],
    `npm run chaos -- --seed ${options.seed}\n${said.join("\n")}`,
  );
  assert.ok(ledger.ended() > 0);
});
