/** Finds the case that causes a failure, alone, and shrinks it. */

import { type Case, bytesOf, toReplay } from "./case.ts";
import { type Failure, findFailure } from "./fuzz.ts";
import { describeFrames } from "./http2/frames.ts";
import { type Rig, type Start, startRig } from "./rig.ts";
import { shrink } from "./shrink.ts";

/** Runs one case on new proxies, so that no earlier case can have affected them. */
export async function runAlone(
  one: Case,
  starts: readonly Start[],
  timeoutSeconds?: number,
): Promise<string | undefined> {
  const rig = await startRig(starts, timeoutSeconds);
  const failure = await failureOf(rig, one);
  await rig.stop();
  return failure;
}

/** The first suspect that fails alone, shrunk and in its replay form. */
export async function explainFailure(
  { one, suspects }: Failure,
  starts: readonly Start[],
  timeoutSeconds?: number,
): Promise<string> {
  let rig = await startRig(starts, timeoutSeconds);
  const fails = async (suspect: Case): Promise<boolean> => {
    const failure = await failureOf(rig, suspect);
    if (rig.complaint() !== undefined) {
      await rig.stop();
      rig = await startRig(starts, timeoutSeconds);
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
  for (let turn = 0; turn < rig.turnsFor(one); turn += 1)
    failure ??= findFailure(one, await rig.run(one, turn));
  return failure ?? rig.late()[seen]?.[1] ?? rig.complaint();
}

/** Describes a case for people and for the command line. */
function describe(one: Case): string {
  const text = bytesOf(one);
  const bytes = one.kind === "http2" ? `\n    ${describeFrames(text)}` : JSON.stringify(text);
  return `${one.family} (${one.kind}, ${one.parts.length} parts): ${bytes}\n  npm run fuzz -- --replay ${toReplay(one)}`;
}
