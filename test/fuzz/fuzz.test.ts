import assert from "node:assert/strict";
import test from "node:test";
import { type Case, bytesOf, fromReplay, toReplay } from "../../tools/fuzz/case.ts";
import { makeCase } from "../../tools/fuzz/families.ts";
import { fuzz, toTable } from "../../tools/fuzz/fuzz.ts";
import { toStarts } from "../../tools/fuzz/headgate.ts";
import { type Flaw, startNaive } from "../../tools/fuzz/naive.ts";
import { explainFailure, runAlone } from "../../tools/fuzz/replay.ts";
import { type Start, startRig } from "../../tools/fuzz/rig.ts";

test("500 fuzzed cases: the upstream gets what headgate accepted and nothing else, and each client gets its own response", async (t) => {
  const seed = 1 + (Math.floor(Date.now() / 86_400_000) % 10_000); // a different seed each day
  t.diagnostic(`seed ${seed}`);
  const starts = toStarts((line) => t.diagnostic(line));
  const rig = await startRig(starts);
  const { passed, counts, failures } = await fuzz(rig, seed, 500);
  await rig.stop();
  for (const failure of failures.slice(0, 1))
    assert.fail(`seed ${seed}: ${failure.failure}\n${await explainFailure(failure, starts)}`);
  assert.equal(passed, 500, toTable(counts));
  // A proxy that refused everything would break no other rule.
  for (const family of ["mutated", "answer: mutated"]) {
    const count = counts.get(family) ?? assert.fail(`no case of ${family}`);
    assert.ok(count.accepted > 0 && count.refused > 0, toTable(counts));
  }
  assert.ok((counts.get("answer: liberties")?.accepted ?? 0) > 0, toTable(counts));
});

/** Proxies with a planted flaw, a family of cases that shows it, and what the fuzzer reports. */
const PLANTED: readonly (readonly [flaw: Flaw, family: string, says: RegExp])[] = [
  ["unframed content", "method with content", /^(not a request|arrived on its own)/],
  ["copied framing", "CL.TE", /^not a request/],
  ["mixed answers", "valid", /^an answer of another request/],
  ["false ends", "answer: cut short", /^the upstream's answer is incomplete, and yet came through/],
];
for (const [flaw, family, says] of PLANTED) {
  test(`the fuzzer finds a proxy with ${flaw}`, async () => {
    const rig = await startRig([({ port }) => startNaive(flaw, port)], 1);
    const failures: string[] = [];
    for (const one of casesOf(family)) {
      failures.push((await rig.run(one)).failure ?? "");
      if (failures.some((failure) => says.test(failure))) break;
    }
    failures.push(...rig.late().map(([, failure]) => failure));
    await rig.stop();
    assert.ok(
      failures.some((failure) => says.test(failure)),
      failures.join("\n"),
    );
  });
}

test("a failure is shrunk, and the printed command replays it", async () => {
  const starts: readonly Start[] = [({ port }) => startNaive("false ends", port)];
  const one = casesOf("answer: cut short").find(
    (cut) => cut.kind === "answer" && cut.method === "GET" && /\r\n\r\n./.test(bytesOf(cut)),
  );
  assert.ok(one !== undefined);
  const printed = await explainFailure({ one, failure: "", suspects: [] }, starts, 1);
  const [, word = ""] = /--replay (\S+)/.exec(printed) ?? [];
  const small = fromReplay(word);
  assert.ok(bytesOf(small).length < bytesOf(one).length, printed);
  assert.notEqual(await runAlone(small, starts, 1), undefined);
});

test("every family is among the first 300 cases, and a case is always made the same", () => {
  assert.deepEqual(makeCase(7, 123), makeCase(7, 123));
  assert.notDeepEqual(makeCase(7, 123), makeCase(8, 123));
  const families = new Set(Array.from({ length: 300 }, (_, index) => makeCase(1, index).family));
  assert.equal(families.size, 51);
  for (let index = 0; index < 300; index += 1) {
    const one = makeCase(3, index);
    assert.deepEqual(fromReplay(toReplay(one)), one);
  }
});

function casesOf(family: string): readonly Case[] {
  return Array.from({ length: 2_500 }, (_, index) => makeCase(1, index)).filter(
    (one) => one.family === family,
  );
}
