import { type Hvn, hostPtePfn, pageBase, takeDirty } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { hostPteOf, type OneThread, oneThread } from '../test/fixture.ts';
import { collectDirty } from './dirty-log.ts';
import { LogReaders } from './log-readers.ts';

const PAGES = 16;
const now = (): number => 0;

function setUp(): OneThread & { readonly readers: LogReaders } {
  const bench = oneThread(PAGES, { dirtyClients: 3 });
  for (let page = 0; page < 4; page++) bench.write(page, page + 1);
  const readers = new LogReaders(bench.mem, bench.vm, [bench.region], 2);
  readers.begin();
  return { ...bench, readers };
}

describe('two readers of the dirty log', () => {
  it('both have all memory when they have taken what they were told', () => {
    const { readers, write } = setUp();
    for (let time = 0; time < 20; time++) {
      write(time % PAGES, time);
      readers.take();
    }
    readers.compare(now);
    expect(readers.stat).toMatchObject({ compared: 2, differences: 0 });
  });

  it('take at their own times', () => {
    const { readers, write } = setUp();
    readers.take();
    write(3, 1);
    expect(readers.take()).toBe(1); // the first alone
    write(3, 2);
    readers.take();
    expect(readers.take()).toBe(1); // the second, of what the first has taken before
  });

  it('find out a store that they were not told of', () => {
    const bench = setUp();
    bench.readers.compare(now); // takes what was written before
    bench.mem.guestStore(pageBase(bench.vm, hostPtePfn(hostPteOf(bench, 2))) + 7, 5);
    bench.readers.compare(now);
    expect(bench.readers.stat.differences).toBe(2);
  });

  it('find out that another took what was theirs', () => {
    const { readers, write, mem, vm, region } = setUp();
    write(2, 9);
    collectDirty(mem, vm, [region]);
    takeDirty(mem, vm, { hvn: 0 as Hvn, npages: PAGES }, 2, () => {});
    readers.compare(now);
    expect(readers.stat.differences).toBe(1);
  });
});
