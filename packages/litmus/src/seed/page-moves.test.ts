import type { Shared } from '@faultline/atomics';
import { type Body, check, type Program } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { pageMovesFar } from './page-moves-far.ts';
import { pageMovesNear } from './page-moves-near.ts';

/** vCPU 0, whose cmpxchg of an spte takes the `ignored` half for equal. */
function withHalfCompare(program: Program, ignored: 'low' | 'high'): Program {
  const body = program.threads.vcpu0 as Body;
  const vcpu0: Body = (mem: Shared) => {
    const exchange = mem.cmpxchg64.bind(mem);
    mem.cmpxchg64 = (address, low, high, newLow, newHigh) => {
      const found = { low: mem.load64(address), high: mem.high };
      return ignored === 'low'
        ? exchange(address, found.low, high, newLow, newHigh)
        : exchange(address, low, found.high, newLow, newHigh);
    };
    return body(mem);
  };
  return { ...program, threads: { ...program.threads, vcpu0 } };
}
const MAPPED_WHERE_IT_WAS = {
  verdict: 'violated',
  violation: { property: 'no leaf grants what the host does not' },
};

describe('a page that moves under the fast path', () => {
  it('is mapped where it was, by a cmpxchg of the low half, when it moves by 4 GiB', () => {
    const program = withHalfCompare(pageMovesFar.program(), 'high');
    expect(check(program, { minimize: false })).toMatchObject(MAPPED_WHERE_IT_WAS);
  });

  it('is mapped where it was, by a cmpxchg of the high half, when it moves to the next frame', () => {
    const program = withHalfCompare(pageMovesNear.program(), 'low');
    expect(check(program, { minimize: false })).toMatchObject(MAPPED_WHERE_IT_WAS);
  });
});
