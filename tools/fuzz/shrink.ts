/** Shrinks a failing case, by lines and then by bytes, while it still fails. */

import { type Case, bytesOf } from "./case.ts";

const MAX_RUNS = 600;
/** Bytes are tried one by one only if the case is this small after removing lines. */
const FEW_BYTES = 400;

/** Delta debugging (Zeller and Hildebrandt): removes smaller and smaller pieces while `fails` still holds. */
export async function shrink(one: Case, fails: (one: Case) => Promise<boolean>): Promise<Case> {
  let left = MAX_RUNS;
  const stillFails = async (pieces: readonly string[]): Promise<boolean> => {
    left -= 1;
    return left >= 0 && fails({ ...one, expects: one.expects, parts: [pieces.join("")] });
  };
  const bytes = bytesOf(one);
  if (!(await stillFails([bytes]))) return one; // it fails only with its segments
  const lines = await reduce(bytes.split(/(?<=\n)/), stillFails);
  const small = lines.join("");
  const pieces = small.length > FEW_BYTES ? lines : await reduce([...small], stillFails);
  return { ...one, parts: [pieces.join("")] };
}

async function reduce(
  all: readonly string[],
  stillFails: (pieces: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  let pieces = all;
  for (
    let size = Math.ceil(all.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < pieces.length;) {
      const fewer = pieces.toSpliced(at, size);
      if (fewer.length > 0 && (await stillFails(fewer))) pieces = fewer;
      else at += size;
    }
  }
  return pieces;
}
