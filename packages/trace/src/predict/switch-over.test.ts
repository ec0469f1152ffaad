import { describe, expect, it } from 'vitest';
import { sentBeforeLook } from './switch-over.ts';

describe('a VMM that looks while it sends', () => {
  it('harvests in the first slot that begins when the rest fits', () => {
    expect(sentBeforeLook('pending', 10, 0.3)).toBeCloseTo(9.7, 9);
    expect(sentBeforeLook('pending', 10.05, 0.3)).toBeCloseTo(9.8, 9);
  });

  it('sends for one slot, whatever fits', () => {
    expect(sentBeforeLook('pending', 0.25, 0.3)).toBe(0.1);
    expect(sentBeforeLook('pending', 0.05, 0.3)).toBe(0.05);
  });
});

describe('a VMM that looks at the end of a round', () => {
  it('sends all of it', () => {
    expect(sentBeforeLook('round-end', 10, 0.3)).toBe(10);
  });
});
