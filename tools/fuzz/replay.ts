/** Finds the case behind a failure, alone and small. */

import { type Case, bytesOf, toReplay } from "./case.ts";
import { type Failure, findFailure } from "./fuzz.ts";
import { type Rig, type Start, startRig } from "./rig.ts";
import { shrink } from "./shrink.ts";

/** Runs one case before proxies of its own, which a case before it cannot have harmed. */
export async function runAlone(
  one: Case,
  starts: readonly Start[],
  patienceSeconds?: number,
): Promise<string | undefined> {
  const rig = await startRig(starts, patienceSeconds);
  const failure = await failureOf(rig, one);
  await rig.stop();
  return failure;
}

/** The first of a failure's suspects that fails alone, shrunk and in the form to replay it. */
export async function explainFailure(
  { one, suspects }: Failure,
  starts: readonly Start[],
  patienceSeconds?: number,
): Promise<string> {
  let rig = await startRig(starts, patienceSeconds);
  const fails = async (suspect: Case): Promise<boolean> => {
    const failure = await failureOf(rig, suspect);
    if (rig.complaint() !== undefined) {
      await rig.stop();
      rig = await startRig(starts, patienceSeconds);
    }
    return failure !== undefined;
  };
  const likely = one === undefined ? suspects : [one, ...suspects.filter((other) => other !== one)];
  let culprit: Case | undefined;
  for (const suspect of likely)
    if (culprit === undefined && (await fails(suspect))) culprit = suspect;
  const small = culprit === undefined ? undefined : await shrink(culprit, fails);
  await rig.stop();
  if (small !== undefined) return describe(small);
  return one === undefined
    ? "no single case fails alone"
    : `${describe(one)}\n  (it does not fail alone)`;
}

async function failureOf(rig: Rig, one: Case): Promise<string | undefined> {
  const seen = rig.late().length;
  let failure: string | undefined;
  for (let tried = 0; tried < rig.turns; tried += 1)
    failure ??= findFailure(one, await rig.run(one));
  return failure ?? rig.late()[seen]?.[1] ?? rig.complaint();
}

/** A case for people and for the command line. */
function describe(one: Case): string {
  const bytes = JSON.stringify(bytesOf(one));
  return `${one.family} (${one.kind}, ${one.parts.length} parts): ${bytes}\n  npm run fuzz -- --replay ${toReplay(one)}`;
}
