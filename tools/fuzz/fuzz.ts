/** Runs the cases of a seed, many at a time, until the first failure. */

import type { Case } from "./case.ts";
import { makeCase } from "./families.ts";
import type { Rig } from "./rig.ts";
import type { Verdict } from "./verdict.ts";

/** How many cases of a family were processed completely, and how many were not. */
export interface Count {
  accepted: number;
  refused: number;
}

/** A failed case. */
export interface Failure {
  readonly one: Case | undefined;
  readonly failure: string;
  /** The cases that ran shortly before it or at the same time: one of them may have caused the failure. */
  readonly suspects: readonly Case[];
}

/** The result of a run. */
export interface Outcome {
  readonly passed: number;
  readonly counts: ReadonlyMap<string, Count>;
  readonly failures: readonly Failure[];
}

const AT_ONCE = 48;

/** Runs cases 0 to `cases` - 1 of a seed. `only`: how the names of their families begin. */
export async function fuzz(rig: Rig, seed: number, cases: number, only = ""): Promise<Outcome> {
  const counts = new Map<string, Count>();
  const failures: Failure[] = [];
  const recent: Case[] = [];
  let next = 0;
  let passed = 0;

  const work = async (): Promise<void> => {
    while (next < cases && failures.length === 0) {
      const one = makeCase(seed, next, only);
      next += 1;
      recent.push(one);
      if (recent.length > AT_ONCE * 4) recent.splice(0, AT_ONCE * 2);
      const verdict = await rig.run(one);
      const count = counts.get(one.family) ?? { accepted: 0, refused: 0 };
      counts.set(one.family, count);
      count[verdict.outcome] += 1;
      const failure = findFailure(one, verdict);
      if (failure === undefined) passed += 1;
      else failures.push({ one, failure, suspects: [...recent] });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const [one, failure] of rig.late()) failures.push({ one, failure, suspects: [...recent] });
  const complaint = (await rig.leftovers()) ?? rig.complaint();
  if (complaint !== undefined)
    failures.push({ one: undefined, failure: complaint, suspects: recent });
  return { passed, counts, failures };
}

/** The failure of a case, including a result that its family does not expect. */
export function findFailure({ expects }: Case, { outcome, failure }: Verdict): string | undefined {
  if (failure !== undefined) return failure;
  return expects === "either" || expects === outcome ? undefined : `it was ${outcome}`;
}

/** One line per family. */
export function toTable(counts: Outcome["counts"]): string {
  const rows = [...counts].toSorted(([a], [b]) => a.localeCompare(b));
  const lines = rows.map(
    ([family, { accepted, refused }]) =>
      `${family.padEnd(42)}${String(accepted).padStart(9)}${String(refused).padStart(9)}`,
  );
  return [`${"family".padEnd(42)} accepted  refused`, ...lines].join("\n");
}
