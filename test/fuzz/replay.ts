/** Finds the case behind a failure, alone and small. */

import { type Case, bytesOf, toReplay } from "./case.ts";
import { type Failure, findFailure } from "./fuzz.ts";
import { type Rig, type Target, startRig } from "./rig.ts";
import { shrink } from "./shrink.ts";

/** Runs one case before a proxy of its own, which a case before it cannot have harmed. */
export async function runAlone(
  one: Case,
  start: (upstreamPort: number) => Promise<Target>,
): Promise<string | undefined> {
  const rig = await startRig(start);
  const failure = await failureOf(rig, one);
  await rig.stop();
  return failure;
}

/** The first of a failure's suspects that fails alone, shrunk and in the form to replay it. */
export async function explainFailure(
  { one, suspects }: Failure,
  start: (upstreamPort: number) => Promise<Target>,
): Promise<string> {
  const likely = one === undefined ? suspects : [one, ...suspects.filter((other) => other !== one)];
  for (const suspect of likely) {
    const failure = await runAlone(suspect, start);
    if (failure === undefined) continue;
    const small = await shrinkOn(suspect, start);
    return `${describe(small)}\n  ${failure}`;
  }
  return one === undefined ? "no single case fails alone" : `${describe(one)}\n  (it does not fail alone)`;
}

async function shrinkOn(
  one: Case,
  start: (upstreamPort: number) => Promise<Target>,
): Promise<Case> {
  let rig = await startRig(start);
  const small = await shrink(one, async (smaller) => {
    const failure = await failureOf(rig, smaller);
    if (rig.complaint() !== undefined) {
      await rig.stop();
      rig = await startRig(start);
    }
    return failure !== undefined;
  });
  await rig.stop();
  return small;
}

async function failureOf(rig: Rig, one: Case): Promise<string | undefined> {
  const seen = rig.late().length;
  const failure = findFailure(one, await rig.run(one));
  return failure ?? rig.late()[seen]?.[1] ?? rig.complaint();
}

/** A case for people and for the command line. */
function describe(one: Case): string {
  const bytes = JSON.stringify(bytesOf(one));
  return `${one.family} (${one.kind}, ${one.parts.length} parts): ${bytes}\n  npm run fuzz -- --replay ${toReplay(one)}`;
}
