import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  faultAndLeave,
  faultLock,
  flagsOf,
  hostPteOf,
  hvnOf,
  illegalSptes,
  makeBenchWithSlot,
  wordsOf,
} from '../../test/fixture.ts';
import { RET_PF_RETRY } from '../fault/ret-pf.ts';
import {
  HOST_PTE_KSM,
  hostPtePfn,
  isHostPteKsm,
  isHostPteWritable,
  makeHostPte,
} from './host-pte.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from './ksm.ts';
import { installPage, swapOut } from './missing-pages.ts';
import { movePage } from './move-page.ts';
import { pageRefcount, putPage } from './page-frames.ts';
import { protectPages, unprotectPages } from './protect-pages.ts';
import { sharePages } from './share-pages.ts';

const KEPT = 3;
const OTHER = 9;
const POISON = 0x6b6b_6b6b;

const protect = ({ agent, vm }: Bench, hvn: number): number =>
  writeProtectHostPage(agent, vm, hvnOf(hvn));
const make = ({ agent, vm }: Bench, hvn: number, pte: number): boolean =>
  makeKsmPage(agent, vm, hvnOf(hvn), pte);
const mergeInto = ({ agent, vm }: Bench, hvn: number, pte: number, kept: number): boolean =>
  mergeWithKsmPage(agent, vm, hvnOf(hvn), pte, hostPtePfn(kept));
const references = (bench: Bench, pte: number): number =>
  pageRefcount(bench.agent, bench.vm, hostPtePfn(pte));

/** Pages 3 and 9 hold the same. */
function twins(word = 7): Bench {
  const bench = makeBenchWithSlot();
  for (const gfn of [KEPT, OTHER]) bench.guests[0].write(gfn, word);
  return bench;
}

/** Pages 3 and 9 are one; the daemon holds a reference to it. */
function merged(word = 7): { bench: Bench; kept: number; dropped: number } {
  const bench = twins(word);
  const kept = protect(bench, KEPT);
  make(bench, KEPT, kept);
  const dropped = protect(bench, OTHER);
  mergeInto(bench, OTHER, dropped, kept);
  return { bench, kept, dropped };
}

describe('a host page that is write-protected', () => {
  it('has lost W in the host pte', () => {
    const bench = twins();
    protect(bench, KEPT);
    expect(isHostPteWritable(hostPteOf(bench, KEPT))).toBe(false);
  });

  it('is not mapped for the guest any more', () => {
    const bench = twins();
    protect(bench, KEPT);
    expect(flagsOf(bench, KEPT)).toBe('0');
  });

  it('is answered as its pte then is', () => {
    const bench = twins();
    expect(protect(bench, KEPT)).toBe(hostPteOf(bench, KEPT));
  });

  it('is answered as 0 when it was never touched', () => {
    expect(protect(twins(), 12)).toBe(0);
  });

  it('keeps its content', () => {
    const bench = twins();
    protect(bench, KEPT);
    expect(bench.guests[0].read(KEPT)).toBe(7);
  });

  it('loses W after the guest has lost it: the spte is zapped first', () => {
    const bench = twins();
    let flags = '';
    const lock = { verb: 'lock', address: bench.vm.at.host_page_table_lock } as const;
    const mem = before(bench.agent, lock, () => {
      flags = flagsOf(bench, KEPT);
    });
    writeProtectHostPage(mem, bench.vm, hvnOf(KEPT));
    expect(flags).toBe('0');
  });
});

describe('a protected page made the shared copy', () => {
  it('is marked as shared by content', () => {
    const bench = twins();
    make(bench, KEPT, protect(bench, KEPT));
    expect(isHostPteKsm(hostPteOf(bench, KEPT))).toBe(true);
  });

  it('has a reference of the daemon beside the host pte', () => {
    const bench = twins();
    const pte = protect(bench, KEPT);
    make(bench, KEPT, pte);
    expect(references(bench, pte)).toBe(2);
  });

  it('is refused when the guest has written it since', () => {
    const bench = twins();
    const pte = protect(bench, KEPT);
    bench.guests[1].write(KEPT, 8);
    expect(make(bench, KEPT, pte)).toBe(false);
  });

  it('is left alone when refused', () => {
    const bench = twins();
    const pte = protect(bench, KEPT);
    bench.guests[1].write(KEPT, 8);
    make(bench, KEPT, pte);
    expect([isHostPteKsm(hostPteOf(bench, KEPT)), references(bench, pte)]).toEqual([false, 1]);
  });

  it('is not refused because the guest has read it since', () => {
    const bench = twins();
    const pte = protect(bench, KEPT);
    bench.guests[1].read(KEPT);
    expect(make(bench, KEPT, pte)).toBe(true);
  });
});

describe('a page merged with the shared copy', () => {
  it('leads to it, read-only', () => {
    const { bench, kept } = merged();
    expect(hostPteOf(bench, OTHER)).toBe(makeHostPte(hostPtePfn(kept), HOST_PTE_KSM));
  });

  it('adds a reference to it', () => {
    const { bench, kept } = merged();
    expect(references(bench, kept)).toBe(3);
  });

  it('gives its own frame back, poisoned', () => {
    const { bench, dropped } = merged();
    expect([references(bench, dropped), wordsOf(bench, hostPtePfn(dropped))]).toEqual([
      0,
      [POISON, POISON, POISON, POISON],
    ]);
  });

  it('reads as before', () => {
    const { bench } = merged();
    expect([KEPT, OTHER].map((gfn) => bench.guests[1].read(gfn))).toEqual([7, 7]);
  });

  it('is refused when the guest has written it since it was protected', () => {
    const bench = twins();
    const kept = protect(bench, KEPT);
    make(bench, KEPT, kept);
    const pte = protect(bench, OTHER);
    bench.guests[1].write(OTHER, 8);
    expect(mergeInto(bench, OTHER, pte, kept)).toBe(false);
  });

  it('keeps what the guest wrote when refused', () => {
    const bench = twins();
    const kept = protect(bench, KEPT);
    make(bench, KEPT, kept);
    const pte = protect(bench, OTHER);
    bench.guests[1].write(OTHER, 8);
    mergeInto(bench, OTHER, pte, kept);
    expect([bench.guests[0].read(OTHER), references(bench, kept)]).toEqual([8, 2]);
  });

  it.each([
    ['done', false, 0],
    ['refused', true, -14],
  ])('is told as %s', (_, written, error) => {
    const bench = twins();
    const kept = protect(bench, KEPT);
    make(bench, KEPT, kept);
    const pte = protect(bench, OTHER);
    if (written) bench.guests[1].write(OTHER, 8);
    const events = eventsOf(bench.agent, () => mergeInto(bench, OTHER, pte, kept));
    expect(events.at(-1)).toEqual({
      event: 'ksm_merge_with_ksm_page',
      pfn: hostPtePfn(kept),
      error,
    });
  });
});

describe('a write to a merged page', () => {
  it('is seen by its own page only', () => {
    const { bench } = merged();
    bench.guests[0].write(OTHER, 9);
    expect([KEPT, OTHER].map((gfn) => bench.guests[1].read(gfn))).toEqual([7, 9]);
  });

  it('takes its reference from the shared copy', () => {
    const { bench, kept } = merged();
    bench.guests[0].write(OTHER, 9);
    expect(references(bench, kept)).toBe(2);
  });

  it('by the last sharer leaves the copy to the daemon, with its content', () => {
    const { bench, kept } = merged();
    for (const gfn of [KEPT, OTHER]) bench.guests[0].write(gfn, 9);
    expect([references(bench, kept), wordsOf(bench, hostPtePfn(kept))]).toEqual([1, [7, 0, 0, 0]]);
  });

  it('leaves an orphan that is freed and poisoned when the daemon gives it back', () => {
    const { bench, kept } = merged();
    for (const gfn of [KEPT, OTHER]) bench.guests[0].write(gfn, 9);
    putPage(bench.agent, bench.vm, hostPtePfn(kept));
    expect(wordsOf(bench, hostPtePfn(kept))).toEqual([POISON, POISON, POISON, POISON]);
  });
});

describe('a fault that holds the frame of a page while it is merged away', () => {
  const race = () => {
    const bench = twins();
    const kept = protect(bench, KEPT);
    make(bench, KEPT, kept);
    let dropped = 0;
    let held: number[] = [];
    const mem = before(bench.mems[0] as Shared, { verb: faultLock() }, () => {
      dropped = protect(bench, OTHER);
      mergeInto(bench, OTHER, dropped, kept);
      held = wordsOf(bench, hostPtePfn(dropped));
    });
    protect(bench, OTHER); // so that the guest has to fault
    const { ret } = faultAndLeave(bench, OTHER, { mem, write: false });
    return { bench, dropped, held, ret };
  };

  it('does not map it: RETRY', () => {
    expect(race().ret).toBe(RET_PF_RETRY);
  });

  it('keeps it as it was until the fault is over', () => {
    expect(race().held).toEqual([7, 0, 0, 0]);
  });

  it('frees it in the end', () => {
    const { bench, dropped } = race();
    expect(references(bench, dropped)).toBe(0);
  });
});

describe('MMU_WRITABLE without HOST_WRITABLE, which once let the guest write a merged page (f082d86ea685)', () => {
  it('is in no spte after any step of a merge, whatever the guest does in between', () => {
    const accesses: ((bench: Bench, gfn: number) => unknown)[] = [
      () => {},
      ({ guests }, gfn) => guests[1].read(gfn),
      ({ guests }, gfn) => guests[1].write(gfn, 8),
    ];
    const wrong: string[] = [];
    for (const first of accesses) {
      for (const second of accesses) {
        const bench = twins();
        const check = () => wrong.push(...illegalSptes(bench));
        const kept = protect(bench, KEPT);
        check();
        first(bench, KEPT);
        check();
        make(bench, KEPT, kept);
        const pte = protect(bench, OTHER);
        second(bench, OTHER);
        check();
        mergeInto(bench, OTHER, pte, kept);
        first(bench, OTHER);
        check();
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('a page protected twice', () => {
  // Its pte looks the same again though the guest wrote in between: one thread at a time may merge.
  it('is not known to have been written between, if somebody else protected it again', () => {
    const bench = twins();
    const pte = protect(bench, KEPT);
    bench.guests[1].write(KEPT, 8);
    protect(bench, KEPT);
    expect(make(bench, KEPT, pte)).toBe(true);
  });
});

describe('a protected page that another part of the host has taken up since', () => {
  const acts: Record<string, (bench: Bench, hvn: number) => void> = {
    'moved there and back': ({ agent, vm }, hvn) => {
      movePage(agent, vm, hvnOf(hvn));
      movePage(agent, vm, hvnOf(hvn));
    },
    'swapped out and brought in': ({ agent, vm }, hvn) => {
      swapOut(agent, vm, hvnOf(hvn), { slot: 1, save: () => {} });
      installPage(agent, vm, hvnOf(hvn), () => {});
    },
    'written, and made read-only for the VMM': (bench, hvn) => {
      bench.guests[1].write(hvn, 8);
      protectPages(bench.agent, bench.vm, hvnOf(hvn), 1);
      unprotectPages(bench.agent, bench.vm, hvnOf(hvn), 1);
    },
    'written, shared, and given back': (bench, hvn) => {
      bench.guests[1].write(hvn, 8);
      sharePages(bench.agent, bench.vm, hvnOf(hvn), 1, (_, pfn) => {
        putPage(bench.agent, bench.vm, pfn);
      });
    },
  };

  it.each(Object.entries(acts))('is not merged when it was %s', (_, act) => {
    const bench = twins();
    const kept = protect(bench, KEPT);
    make(bench, KEPT, kept);
    const pte = protect(bench, OTHER);
    act(bench, OTHER);
    expect(mergeInto(bench, OTHER, pte, kept)).toBe(false);
  });
});
