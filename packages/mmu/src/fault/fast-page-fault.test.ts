import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  beforeEvery,
  eventsOf,
  faultAndLeave,
  faultAt,
  flagsOf,
  hvnOf,
  LOGGED,
  lastSpte,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  setSpte,
  slotOf,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { writeProtectHostPage } from '../host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import {
  FROZEN_SPTE,
  PT_ACCESSED_MASK,
  PT_PAGE_SIZE_MASK,
  PT_WRITABLE_MASK,
  SPTE_HOST_WRITABLE,
} from '../spte/spte.ts';
import type { VmOptions } from '../vm/create-vm.ts';
import type { Memslot } from '../vm/memslots.ts';
import { fastPageFault } from './fast-page-fault.ts';
import { fastPageFault2012 } from './fast-page-fault-2012.ts';
import {
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './ret-pf.ts';

const GFN = 3;
const SLOT = slotOf({ npages: 16, flags: LOGGED });

/** A page that a vCPU has written and a harvest has protected since: the spte ends in e65, the log is empty. */
function harvested(options: Partial<VmOptions> = {}): Bench {
  const bench = makeBenchWithSlot(LOGGED, options);
  bench.guests[0].write(GFN, 1);
  getDirtyLog(bench.agent, bench.vm, 0);
  return bench;
}

const harvest = ({ agent, vm }: Bench): number => getDirtyLog(agent, vm, 0);
const dirtyPages = (bench: Bench): number[] => pagesIn(bench, bench.vm.at.dirty_bitmap);
const changeSpte = (bench: Bench, change: (low: number) => number): void => {
  const { low, high } = lastSpte(bench, GFN);
  setSpte(bench, GFN, { low: change(low), high });
};
const zap = ({ agent, vm }: Bench): void => invalidateRangeStart(agent, vm, hvnOf(GFN), 1);
const zapAndMapAgain = (bench: Bench): void => {
  zap(bench);
  invalidateRangeEnd(bench.agent, bench.vm, hvnOf(GFN), 1);
  bench.guests[1].write(GFN, 2);
  harvest(bench);
};

const PATHS = [
  { name: 'current', path: fastPageFault },
  { name: 'merged', path: fastPageFault2012 },
];

describe.each(PATHS)(
  'a write to a page that a harvest protected, on the path $name',
  ({ path }) => {
    const run = (bench: Bench, mem: Shared = bench.mems[0] as Shared, slot?: Memslot): RetPf =>
      path(mem, bench.vm, faultAt(bench, GFN, slot ?? SLOT));

    it('is FIXED', () => {
      expect(run(harvested())).toBe(RET_PF_FIXED);
    });

    it('leaves the leaf writable', () => {
      const bench = harvested();
      run(bench);
      expect(flagsOf(bench, GFN)).toBe('e67');
    });

    it('changes nothing of the leaf but W', () => {
      const bench = harvested();
      const { low, high } = lastSpte(bench, GFN);
      run(bench);
      expect(lastSpte(bench, GFN)).toMatchObject({ low: low | PT_WRITABLE_MASK, high });
    });

    it('marks its page and no other', () => {
      const bench = harvested();
      run(bench);
      expect(dirtyPages(bench)).toEqual([GFN]);
    });

    it('marks nothing in a slot that is not logged', () => {
      const bench = harvested();
      run(bench, bench.mems[0], slotOf({ npages: 16 }));
      expect(dirtyPages(bench)).toEqual([]);
    });

    it('is a load per level, one exchange, one mark after it, and no lock', () => {
      const bench = harvested();
      const operations = operationsOf(bench.mems[0] as Shared, (mem) => run(bench, mem));
      expect(operations.map(({ verb }) => verb)).toEqual(['load64', 'load64', 'cmpxchg64', 'or32']);
    });

    it('is SPURIOUS once the leaf is writable', () => {
      const bench = harvested();
      run(bench);
      expect(run(bench)).toBe(RET_PF_SPURIOUS);
    });

    it('is not for this path when the host page is read-only', () => {
      const bench = harvested();
      writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
      bench.guests[1].read(GFN);
      expect([flagsOf(bench, GFN), run(bench)]).toEqual(['825', RET_PF_INVALID]);
    });

    it('is not for this path when a table appears where the walk ended', () => {
      const bench = makeBenchWithSlot(LOGGED);
      const mem = before(bench.mems[0] as Shared, { verb: 'load64', skip: 1 }, () => {
        bench.guests[1].write(GFN, 1);
      });
      expect(run(bench, mem)).toBe(RET_PF_INVALID);
    });

    it('leaves a frozen entry alone, though it has the bit of MMU_WRITABLE', () => {
      const bench = harvested();
      setSpte(bench, GFN, FROZEN_SPTE);
      run(bench);
      expect(lastSpte(bench, GFN)).toMatchObject(FROZEN_SPTE);
    });

    it('never gives W to a leaf that has not MMU_WRITABLE', () => {
      const bench = harvested();
      changeSpte(bench, (low) => low & ~0x400);
      expect([run(bench), flagsOf(bench, GFN)]).toEqual([RET_PF_INVALID, 'a65']);
    });
  },
);

describe.each(['current', 'merged'] as const)('a listener of the path %s', (faultPath) => {
  it('is told the value before and the value after', () => {
    const bench = harvested({ faultPath });
    const { low, high, sptep } = lastSpte(bench, GFN);
    const mem = bench.mems[0] as (typeof bench.mems)[0];
    const events = eventsOf(mem, () => faultAndLeave(bench, GFN));
    expect(events.at(-1)).toEqual({
      event: 'fast_page_fault',
      vcpu_id: 0,
      cr2_or_gpa: GFN * 4096,
      error_code: 0x1_0000_0007,
      sptep,
      old_spte: { low, high },
      new_spte: { low: low | PT_WRITABLE_MASK, high },
      spurious: false,
      fixed: true,
    });
  });

  it('hears nothing where the error code leaves nothing to repair fast', () => {
    const bench = makeBenchWithSlot(LOGGED, { faultPath });
    const mem = bench.mems[0] as (typeof bench.mems)[0];
    const events = eventsOf(mem, () => faultAndLeave(bench, GFN));
    expect(events.filter(({ event }) => event === 'fast_page_fault')).toEqual([]);
  });
});

describe.each(PATHS)('a harvest beside the path $name', ({ path }) => {
  const run = (bench: Bench, pick: { verb: 'cmpxchg64' | 'or32' }): RetPf => {
    const mem = before(bench.mems[0] as Shared, pick, () => harvest(bench));
    return path(mem, bench.vm, faultAt(bench, GFN, SLOT));
  };

  it('between its load and its exchange changes nothing, and the page is in the next one', () => {
    const bench = harvested();
    const ret = run(bench, { verb: 'cmpxchg64' });
    expect([ret, flagsOf(bench, GFN), dirtyPages(bench)]).toEqual([RET_PF_FIXED, 'e67', [GFN]]);
  });

  it('between its load and its exchange, of a page marked by another vCPU, sends the page again', () => {
    const bench = harvested();
    bench.agent.or32(bench.vm.at.dirty_bitmap, 1 << GFN);
    run(bench, { verb: 'cmpxchg64' });
    expect(harvest(bench)).toBe(1);
  });

  it('between its exchange and its mark leaves the page for the next one', () => {
    const bench = harvested();
    run(bench, { verb: 'or32' });
    expect(harvest(bench)).toBe(1);
  });
});

interface Race {
  readonly what: string;
  readonly act: (bench: Bench) => unknown;
  readonly current: RetPf;
  readonly merged: RetPf;
  readonly flags: string;
}

const { INVALID, RETRY, FIXED, SPURIOUS } = {
  INVALID: RET_PF_INVALID,
  RETRY: RET_PF_RETRY,
  FIXED: RET_PF_FIXED,
  SPURIOUS: RET_PF_SPURIOUS,
} as const;

describe.each<Race>([
  {
    what: 'another vCPU is faster',
    act: ({ guests }) => guests[1].write(GFN, 2),
    current: SPURIOUS,
    merged: RETRY,
    flags: 'e67',
  },
  {
    what: 'a notifier zaps the leaf',
    act: zap,
    current: INVALID,
    merged: RETRY,
    flags: '0',
  },
  {
    what: 'KSM write-protects the host page',
    act: ({ agent, vm }) => writeProtectHostPage(agent, vm, hvnOf(GFN)),
    current: INVALID,
    merged: RETRY,
    flags: '0',
  },
  {
    what: 'another bit of the leaf changes',
    act: (bench) => changeSpte(bench, (low) => low & ~PT_ACCESSED_MASK),
    current: FIXED,
    merged: RETRY,
    flags: 'e47',
  },
  {
    what: 'write tracking takes MMU_WRITABLE away',
    act: (bench) => changeSpte(bench, (low) => low & ~0x400),
    current: INVALID,
    merged: RETRY,
    flags: 'a65',
  },
  {
    what: 'the leaf is zapped, mapped again and harvested, so that the same word came back',
    act: zapAndMapAgain,
    current: FIXED,
    merged: FIXED,
    flags: 'e67',
  },
])('between the load and the exchange $what', ({ act, flags, ...expected }) => {
  const race = (path: typeof fastPageFault) => {
    const bench = harvested();
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64' }, () => act(bench));
    const ret = path(mem, bench.vm, faultAt(bench, GFN, SLOT));
    return { ret, bench };
  };

  it(`so that the path current answers ${expected.current}`, () => {
    expect(race(fastPageFault).ret).toBe(expected.current);
  });

  it(`so that the path merged answers ${expected.merged}`, () => {
    expect(race(fastPageFault2012).ret).toBe(expected.merged);
  });

  it('and the path current leaves the leaf as its answer says', () => {
    expect(flagsOf(race(fastPageFault).bench, GFN)).toBe(flags);
  });

  it('and no page that the path current made writable is missing from the log', () => {
    const { ret, bench } = race(fastPageFault);
    expect(ret !== RET_PF_FIXED || dirtyPages(bench).includes(GFN)).toBe(true);
  });
});

describe('the scene of the mail of April 2012: KSM write-protects a page under a fault that has read its spte', () => {
  it.each(PATHS)(
    'on the path $name the exchange fails, because the word has changed',
    ({ path }) => {
      const bench = harvested();
      const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64' }, () => {
        writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
      });
      path(mem, bench.vm, faultAt(bench, GFN, SLOT));
      expect(lastSpte(bench, GFN)).toMatchObject({ low: 0, high: 1 << 31 });
    },
  );

  it.each(PATHS)('on the path $name nothing is marked, because nothing was written', ({ path }) => {
    const bench = harvested();
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64' }, () => {
      writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
    });
    path(mem, bench.vm, faultAt(bench, GFN, SLOT));
    expect(dirtyPages(bench)).toEqual([]);
  });
});

describe('a leaf that is not there', () => {
  it('is for the slow path, says current', () => {
    const bench = makeBenchWithSlot(LOGGED);
    expect(fastPageFault(bench.agent, bench.vm, faultAt(bench, GFN, SLOT))).toBe(RET_PF_INVALID);
  });

  it('changed under us, says merged: fault again', () => {
    const bench = makeBenchWithSlot(LOGGED);
    expect(fastPageFault2012(bench.agent, bench.vm, faultAt(bench, GFN, SLOT))).toBe(RET_PF_RETRY);
  });
});

describe('a word that changes under every exchange', () => {
  const run = (path: typeof fastPageFault) => {
    const bench = harvested();
    let tries = 0;
    const mem = beforeEvery(bench.mems[0] as Shared, { verb: 'cmpxchg64' }, () => {
      tries++;
      changeSpte(bench, (low) => low ^ PT_ACCESSED_MASK);
    });
    return { ret: path(mem, bench.vm, faultAt(bench, GFN, SLOT)), tries: tries };
  };

  it('is tried five times by current, then left to the slow path', () => {
    expect(run(fastPageFault)).toEqual({ ret: RET_PF_INVALID, tries: 5 });
  });

  it('is tried once by merged, which faults again', () => {
    expect(run(fastPageFault2012)).toEqual({ ret: RET_PF_RETRY, tries: 1 });
  });
});

describe('a leaf with MMU_WRITABLE but not HOST_WRITABLE, which never arises', () => {
  const corrupt = (): Bench => {
    const bench = harvested();
    changeSpte(bench, (low) => low & ~SPTE_HOST_WRITABLE);
    return bench;
  };

  it('would be made writable by current, which relies on the invariant', () => {
    const bench = corrupt();
    const { mems, vm } = bench;
    expect(fastPageFault(mems[0] as Shared, vm, faultAt(bench, GFN, SLOT))).toBe(RET_PF_FIXED);
  });

  it('would be refused by merged, which asks for both bits', () => {
    const bench = corrupt();
    const { mems, vm } = bench;
    expect(fastPageFault2012(mems[0] as Shared, vm, faultAt(bench, GFN, SLOT))).toBe(
      RET_PF_INVALID,
    );
  });
});

describe('a large leaf', () => {
  const withLargeLeaf = (): Bench => {
    const bench = harvested();
    const { low } = lastSpte(bench, GFN);
    // gfns 4 to 7 have no table yet: their walk ends at level 2.
    setSpte(bench, 4, { low: low | PT_PAGE_SIZE_MASK, high: 0 });
    return bench;
  };

  it('of a logged slot is not for the path current: one mark cannot stand for four pages', () => {
    const bench = withLargeLeaf();
    const { mems, vm } = bench;
    expect(fastPageFault(mems[0] as Shared, vm, faultAt(bench, 4, SLOT))).toBe(RET_PF_INVALID);
  });

  it('of a slot that is not logged is FIXED by the path current', () => {
    const bench = withLargeLeaf();
    const { mems, vm } = bench;
    const slot = slotOf({ npages: 16 });
    expect(fastPageFault(mems[0] as Shared, vm, faultAt(bench, 4, slot))).toBe(RET_PF_FIXED);
  });
});
