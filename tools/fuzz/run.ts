// npm run fuzz: raw bytes from both sides through the real headgate. See docs/internals/reliability.md.

import { waitForConnectionTable } from "../../test/support/connection-table.ts";
import { fromReplay } from "./case.ts";
import { fuzz, toTable } from "./fuzz.ts";
import { toStarts } from "./headgate.ts";
import { explainFailure, runAlone } from "./replay.ts";
import { startRig } from "./rig.ts";
import { readFlags, toCount, toSeed } from "../shared/options.ts";

const USAGE = `npm run fuzz -- [options]
  --seed N             which cases (default: drawn; it is printed)
  --cases N            how many (default 30000)
  --only TEXT          only families whose name begins so: h2, TLS, answer …
  --replay WORD|FILE   one case: as a failure printed it, or raw request bytes in base64`;

/** Each case opens a client connection, and some open a new upstream connection. */
const CONNECTIONS_PER_CASE = 1.5;

const starts = toStarts((line) => console.log(line));
const values = readFlags(process.argv.slice(2), {
  seed: { type: "string" },
  cases: { type: "string", default: "30000" },
  only: { type: "string", default: "" },
  replay: { type: "string" },
});
if (values === undefined) console.log(USAGE);
else if (values.replay !== undefined) await replay(values.replay);
else await run(toSeed(values.seed), toCount("cases", values.cases), values.only);

async function run(seed: number, cases: number, only: string): Promise<void> {
  console.log(`seed ${seed}, ${cases} cases`);
  await waitForConnectionTable(cases * CONNECTIONS_PER_CASE);
  const startedMs = performance.now();
  const rig = await startRig(starts);
  const { passed, counts, failures } = await fuzz(rig, seed, cases, only);
  await rig.stop();
  console.log(toTable(counts));
  for (const failure of failures.slice(0, 3)) {
    const family = failure.one?.family ?? "no case";
    console.log(`\nFAILED (seed ${seed}, ${family}): ${failure.failure}`);
    console.log(await explainFailure(failure, starts));
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${passed} passed, ${failures.length} failed (seed ${seed}, ${seconds} s)`);
  if (failures.length > 0 || passed < cases) process.exitCode = 1;
}

async function replay(word: string): Promise<void> {
  const failure = await runAlone(fromReplay(word), starts);
  console.log(failure === undefined ? "1 passed, 0 failed" : `${failure}\n0 passed, 1 failed`);
  if (failure !== undefined) process.exitCode = 1;
}
