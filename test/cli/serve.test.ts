import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import test from "node:test";
import { fileURLToPath } from "node:url";

const BUNDLE = fileURLToPath(new URL("../../dist/headgate.cjs", import.meta.url));

for (const [flag, other, wayOut] of [
  ["--listen", "--admin", "--listen ADDR"],
  ["--admin", "--listen", "--admin ADDR or --admin off"],
] as const) {
  test(`a taken port for ${flag} ends the start with the flag to choose another`, async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    t.after(() => void taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const args = ["run", "--upstream", "http://127.0.0.1:8000", flag, `127.0.0.1:${port}`];
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [BUNDLE, ...args, other, "127.0.0.1:0"],
      { encoding: "utf8" },
    );
    assert.equal(status, 1);
    assert.equal(stdout, "");
    const reason = `address already in use 127.0.0.1:${port}: another process listens there`;
    assert.equal(stderr, `headgate: ${reason}; choose another by ${wayOut}\n`);
  });
}
