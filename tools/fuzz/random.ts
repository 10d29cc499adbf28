/** Chance that can be repeated: the same seed gives the same cases on every machine. */

import { createNumbers } from "../../test/support/random.ts";

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** `count` picks, joined. */
  text(alphabet: string, count: number): string;
}

/** Creates a source of chance. */
export function createRandom(seed: number): Random {
  const next = createNumbers(seed);
  const int = (below: number): number => Math.floor(next() * below);
  const pick = <T>(list: readonly T[]): T => list[int(list.length)] as T;
  return {
    int,
    pick,
    oneIn: (times) => int(times) === 0,
    text(alphabet, count) {
      let text = "";
      for (let index = 0; index < count; index += 1) text += alphabet[int(alphabet.length)];
      return text;
    },
  };
}
