/** Choices that look random, and are the same again with the same seed. */
export interface Random {
  /** A whole number; both ends are among them. */
  integer(least: number, most: number): number;
  /** @param list not empty */
  pick<T>(list: readonly T[]): T;
}

/** @param seed a whole number */
export function createRandom(seed: number): Random {
  let state = seed;
  /** Mulberry32: from 0 to under 1. */
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    integer: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T,
  };
}
