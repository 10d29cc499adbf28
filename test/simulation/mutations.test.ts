/** The simulation finds the faults that it is there for, each within a bounded number of schedules, and none without them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { MUTATIONS } from "../../tools/simulation/mutations.ts";

const RUN = join(import.meta.dirname, "..", "..", "tools", "simulation", "run.ts");

/** A process of its own: the simulation puts its clock in the place of the process's. */
function simulate(...args: readonly string[]) {
  return spawnSync(process.execPath, ["--import", "tsx", RUN, "--jobs", "1", ...args], {
    encoding: "utf8",
  });
}

test("it finds nothing in headgate", () => {
  const { status, stdout, stderr } = simulate("--seed", "1", "--schedules", "500");
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^500 passed, 0 failed$/m);
});

for (const name of Object.keys(MUTATIONS)) {
  test(`it finds that ${name}, and says how to see it again`, () => {
    const { status, stdout, stderr } = simulate(
      "--seed",
      "1",
      "--schedules",
      "20000",
      "--mutate",
      name,
    );
    assert.equal(status, 1, stdout + stderr);
    assert.match(stdout, /^VIOLATION in schedule \d+/m, stderr);
    const [, schedule = ""] = /--replay '(.*)'$/m.exec(stdout) ?? [];
    const again = simulate("--replay", schedule, "--mutate", name);
    assert.equal(again.status, 1, again.stdout + again.stderr);
    assert.match(again.stdout, /^VIOLATION: /m);
  });
}
