/** Random choices from a seed, so that a run can be repeated: a seed gives the same choices on every machine. */

/** A source of random choices. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  /** An integer from 0 up to, but not including, `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  /** True with a probability of 1 in `times`. */
  oneIn(times: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** One of the names, with a probability in proportion to its weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  /** `count` characters of the alphabet. */
  text(alphabet: string, count: number): string;
}

/** Creates a source of random choices. */
export function createRandom(seed: number): Random {
  const next = createNumbers(seed);
  const below = (end: number): number => Math.floor(next() * end);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    oneIn: (times) => below(times) === 0,
    pick: <T>(list: readonly T[]) => list[below(list.length)] as T,
    weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
      const entries = Object.entries(weights) as [Name, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        left -= weight;
        if (left < 0) return name;
      }
      return (entries.at(-1) as [Name, number])[0];
    },
    text(alphabet, count) {
      let text = "";
      for (let index = 0; index < count; index += 1) text += alphabet[below(alphabet.length)];
      return text;
    },
  };
}

/** Numbers of at least 0 and less than 1 (Mulberry32): 32 bits of state are enough for choices. */
export function createNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
