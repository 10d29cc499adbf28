/** Chance that can be repeated: the same seed gives the same cases on every machine. */

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** `count` picks, joined. */
  text(alphabet: string, count: number): string;
}

/** Creates a source of chance (Mulberry32: 32 bits of state are plenty for choosing test cases, and it is six lines). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
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
