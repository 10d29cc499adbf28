/** Shrinks a failing case, by lines and then by bytes, while it still fails. */

import { type Case, type FrameCase, bytesOf } from "./case.ts";
import { toSingleFrames, withLength } from "./http2/frame-families.ts";
import { HEAD_BYTES, PREFACE } from "./http2/frames.ts";

const MAX_RUNS = 600;
/** Bytes are tried one by one only if the case is this small after removing lines. */
const FEW_BYTES = 400;

/** Shrinks a case: of HTTP/2 by its frames, whose lengths stay right, of the others by lines and bytes. */
export function shrink(one: Case, fails: (one: Case) => Promise<boolean>): Promise<Case> {
  return one.kind === "http2" ? shrinkFrames(one, fails) : shrinkBytes(one, fails);
}

async function shrinkFrames(one: FrameCase, fails: (one: Case) => Promise<boolean>): Promise<Case> {
  let left = MAX_RUNS;
  const stillFails = async (parts: readonly string[]): Promise<boolean> => {
    left -= 1;
    return left >= 0 && fails({ ...one, parts });
  };
  const split = toSingleFrames(one.parts);
  const all = (await stillFails(split)) ? split : one.parts;
  // Without its preface and its SETTINGS, a connection would fail for another reason.
  const beginning = all[0] === PREFACE ? all.slice(0, 2) : [];
  const rest = all.slice(beginning.length);
  const kept = await reduce(rest, (some) => stillFails([...beginning, ...some]));
  const parts = [...beginning, ...kept];
  // Then the content of each frame, from the largest piece to single bytes.
  for (const [index, part] of parts.entries()) {
    const [head, payload] = [part.slice(0, HEAD_BYTES), part.slice(HEAD_BYTES)];
    if (part.startsWith(PREFACE) || payload === "" || payload.length > FEW_BYTES) continue;
    const pieces = await reduce([...payload, ""], (some) =>
      stillFails(parts.with(index, withLength(head + some.join("")))),
    );
    parts[index] = withLength(head + pieces.join(""));
  }
  return { ...one, parts };
}

/** Delta debugging (Zeller and Hildebrandt): removes smaller and smaller pieces while `fails` still holds. */
async function shrinkBytes(one: Case, fails: (one: Case) => Promise<boolean>): Promise<Case> {
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
