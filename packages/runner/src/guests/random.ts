// Numbers that look random and are the same on every run. xorshift32 (Marsaglia 2003): full period but for 0.

/** A source of int32 values below `bound`, seeded. */
export function randomSource(seed: number): (bound: number) => number {
  let state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}
