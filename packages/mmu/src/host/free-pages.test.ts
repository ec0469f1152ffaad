import { describe, expect, it } from 'vitest';
import { type Bench, makeBench, pfnOf } from '../../test/fixture.ts';
import { popFreePage, pushFreePage, takeFreeBlock } from './free-pages.ts';

const HUGE = { transparentHugepage: 'always' } as const;
const pop = ({ agent, vm }: Bench): number => popFreePage(agent, vm);
const push = ({ agent, vm }: Bench, pfn: number): void => pushFreePage(agent, vm, pfnOf(pfn));
const takeBlock = ({ agent, vm }: Bench): number => takeFreeBlock(agent, vm);
const popAll = (bench: Bench): number[] => {
  const all: number[] = [];
  for (let pfn = pop(bench); pfn >= 0; pfn = pop(bench)) all.push(pfn);
  return all;
};
const sorted = (pfns: readonly number[]): number[] => [...pfns].sort((a, b) => a - b);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, n) => from + n);

describe.each(['never', 'always'] as const)(
  'the stack of free frames, huge pages %s',
  (transparentHugepage) => {
    it('hands the lowest frames out first', () => {
      const bench = makeBench({ transparentHugepage, pageFrames: 6 });
      expect(popAll(bench)).toEqual([0, 1, 2, 3, 4, 5]);
    });

    it('hands the frame that was given back last out next', () => {
      const bench = makeBench({ transparentHugepage });
      for (let n = 0; n < 3; n++) pop(bench);
      push(bench, 1);
      expect([pop(bench), pop(bench)]).toEqual([1, 3]);
    });

    it('says so when it is empty', () => {
      const bench = makeBench({ transparentHugepage, pageFrames: 1 });
      expect([pop(bench), pop(bench)]).toEqual([0, -1]);
    });
  },
);

describe('a free block', () => {
  it('is the highest that is free as a whole', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 16 });
    expect([takeBlock(bench), takeBlock(bench)]).toEqual([12, 8]);
  });

  it('leaves every other frame on the stack, once', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 16 });
    takeBlock(bench);
    takeBlock(bench);
    expect(sorted(popAll(bench))).toEqual(range(0, 8));
  });

  it('is none of which a frame is in use', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 8 });
    pop(bench);
    expect([takeBlock(bench), takeBlock(bench)]).toEqual([4, -1]);
  });

  it('is one again when its last frame has come back', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 4 });
    const all = popAll(bench);
    const seen = all.map((pfn) => {
      const none = takeBlock(bench);
      push(bench, pfn);
      return none;
    });
    expect([...seen, takeBlock(bench)]).toEqual([-1, -1, -1, -1, 0]);
  });

  it('holds none of the frames behind the last whole block', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 6 });
    expect([takeBlock(bench), takeBlock(bench)]).toEqual([0, -1]);
    expect(popAll(bench)).toEqual([4, 5]);
  });

  it('does not let the stack lose or double a frame, whatever was given back in which order', () => {
    const bench = makeBench({ ...HUGE, pageFrames: 16 });
    const taken = popAll(bench);
    for (const pfn of [5, 12, 7, 14, 4, 13, 6, 15]) push(bench, pfn);
    expect([takeBlock(bench), takeBlock(bench), takeBlock(bench)]).toEqual([12, 4, -1]);
    for (const pfn of [...range(12, 16), ...range(4, 8), ...range(0, 4), ...range(8, 12)]) {
      push(bench, pfn);
    }
    expect(sorted(popAll(bench))).toEqual(sorted(taken));
  });
});
