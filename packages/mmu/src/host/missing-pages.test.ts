import { modeAddress, WAIT_WOKEN } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  flagsOf,
  hostPteOf,
  hvnOf,
  makeBenchWithSlot,
  operationsOf,
  wordsOf,
} from '../../test/fixture.ts';
import type { Pfn } from '../address.ts';
import {
  hostPtePfn,
  hostPtep,
  hostPteSlot,
  isHostPteMissing,
  isHostPteWritable,
  makeMissingHostPte,
} from './host-pte.ts';
import { installPage, markMissing, swapOut } from './missing-pages.ts';
import { pageBase, pageRefcount } from './page-frames.ts';
import { nextPageRequest, waitForPageRequest } from './page-request.ts';
import { protectPages } from './protect-pages.ts';

const GFN = 3;
const SLOT = 5;
const POISON = 0x6b6b_6b6b;

function touched(): Bench {
  const bench = makeBenchWithSlot();
  bench.guests[0].write(GFN, 7);
  return bench;
}

/** Page 3 is in slot 5 of `store`. */
function swapped() {
  const bench = touched();
  const store: number[][] = [];
  const frame = hostPtePfn(hostPteOf(bench, GFN));
  const save = (pfn: Pfn) => {
    store[SLOT] = wordsOf(bench, pfn);
  };
  const done = swapOut(bench.agent, bench.vm, hvnOf(GFN), { slot: SLOT, save });
  return { bench, store, frame, done };
}

function fill({ agent, vm }: Bench, content: number) {
  return (pfn: Pfn) => agent.guestStore(pageBase(vm, pfn), content);
}
const install = (bench: Bench, content = 9): boolean =>
  installPage(bench.agent, bench.vm, hvnOf(GFN), fill(bench, content));

/** Does `act` when thread 0 goes to sleep for a page. */
function whenAsleep(bench: Bench, act: () => void): void {
  const { mem } = bench.guests[0];
  mem.waitUntil = act;
}

describe('a page that is swapped out', () => {
  it('is saved as it is', () => {
    expect(swapped().store[SLOT]).toEqual([7, 0, 0, 0]);
  });

  it('has the slot in its host pte', () => {
    const pte = hostPteOf(swapped().bench, GFN);
    expect([isHostPteMissing(pte), hostPteSlot(pte)]).toEqual([true, SLOT]);
  });

  it('gives its frame back', () => {
    const { bench, frame } = swapped();
    expect(wordsOf(bench, frame)).toEqual([POISON, POISON, POISON, POISON]);
  });

  it('is mapped for the guest no more', () => {
    expect(flagsOf(swapped().bench, GFN)).toBe('0');
  });

  it('is mapped no more before it is saved', () => {
    const bench = touched();
    let flags = '';
    const save = () => {
      flags = flagsOf(bench, GFN);
    };
    swapOut(bench.agent, bench.vm, hvnOf(GFN), { slot: SLOT, save });
    expect(flags).toBe('0');
  });

  it('is refused where nothing was touched', () => {
    const { agent, vm } = touched();
    expect(swapOut(agent, vm, hvnOf(12), { slot: SLOT, save: () => {} })).toBe(false);
  });

  it('is refused when it is out already', () => {
    const { bench } = swapped();
    const again = { slot: 6, save: () => {} };
    expect([
      swapOut(bench.agent, bench.vm, hvnOf(GFN), again),
      hostPteSlot(hostPteOf(bench, GFN)),
    ]).toEqual([false, SLOT]);
  });

  it('is refused a slot that has no room in the host pte', () => {
    const { agent, vm } = touched();
    expect(() => swapOut(agent, vm, hvnOf(GFN), { slot: 2 ** 24, save: () => {} })).toThrow(
      new RangeError('expected a slot below 16777216, got 16777216'),
    );
  });

  it('leaves nothing open when it is refused', () => {
    const { agent, vm } = touched();
    expect(() => swapOut(agent, vm, hvnOf(GFN), { slot: -1, save: () => {} })).toThrow();
    const { mn_active_invalidate_count, mmu_invalidate_in_progress, host_page_table_lock } = vm.at;
    const words = [mn_active_invalidate_count, mmu_invalidate_in_progress, host_page_table_lock];
    expect(words.map((word) => agent.load32(word))).toEqual([0, 0, 0]);
  });
});

describe('a missing page that comes back', () => {
  it('is writable and holds what was filled in, zeros elsewhere', () => {
    const { bench } = swapped();
    install(bench);
    const pte = hostPteOf(bench, GFN);
    expect([isHostPteWritable(pte), wordsOf(bench, hostPtePfn(pte))]).toEqual([true, [9, 0, 0, 0]]);
  });

  it('tells who fills it in which slot it was', () => {
    const { bench } = swapped();
    let slot = -1;
    installPage(bench.agent, bench.vm, hvnOf(GFN), (_, from) => {
      slot = from;
    });
    expect(slot).toBe(SLOT);
  });

  it('comes once', () => {
    const { bench } = swapped();
    expect([install(bench), install(bench, 8), bench.guests[0].read(GFN)]).toEqual([
      true,
      false,
      9,
    ]);
  });

  it('leaves no frame over when it is not missing', () => {
    const { bench } = swapped();
    install(bench);
    const free = bench.agent.load32(bench.vm.at.free_pages);
    install(bench);
    expect(bench.agent.load32(bench.vm.at.free_pages)).toBe(free);
  });

  it('leaves no frame over when it cannot be filled, and lets those who sleep for it ask again', () => {
    const { bench } = swapped();
    const { agent, vm } = bench;
    agent.store32(vm.at.page_requests, GFN + 1);
    nextPageRequest(agent, vm);
    const free = agent.load32(vm.at.free_pages);
    const fails = () => {
      throw new Error('the store is gone');
    };
    expect(() => installPage(agent, vm, hvnOf(GFN), fails)).toThrow('the store is gone');
    expect([free, 0]).toEqual([agent.load32(vm.at.free_pages), agent.load32(vm.at.page_requests)]);
  });

  it('wakes its sleepers after its host pte has changed', () => {
    const { bench } = swapped();
    const { agent, vm } = bench;
    agent.store32(vm.at.page_requests, GFN + 1);
    const words = [hostPtep(vm, hvnOf(GFN)), vm.at.page_requests];
    const verbs = operationsOf(agent, (mem) => installPage(mem, vm, hvnOf(GFN), () => {}))
      .filter(({ address }) => words.includes(Number(address)))
      .map(({ verb }) => verb);
    expect(verbs).toEqual(['load32', 'store32', 'load32', 'cmpxchg32', 'notify']);
  });

  it('leaves the requests for other pages', () => {
    const { bench } = swapped();
    bench.agent.store32(bench.vm.at.page_requests, GFN + 2);
    install(bench);
    expect(nextPageRequest(bench.agent, bench.vm)).toBe(GFN + 1);
  });

  it('stays read-only where the VMM wants it so', () => {
    const { bench } = swapped();
    protectPages(bench.agent, bench.vm, hvnOf(GFN), 1);
    install(bench);
    expect(isHostPteWritable(hostPteOf(bench, GFN))).toBe(false);
  });
});

describe('a guest that touches a missing page', () => {
  it.each([
    ['reads what the pager brings', () => {}, 9],
    ['reads zeros when the page is given up instead', undefined, 0],
  ])('%s', (_, brings, expected) => {
    const { bench } = swapped();
    whenAsleep(bench, () => {
      if (brings === undefined) bench.agent.store32(hostPtep(bench.vm, hvnOf(GFN)), 0);
      else install(bench);
    });
    expect(bench.guests[0].read(GFN)).toBe(expected);
  });

  it('asks for it before it sleeps', () => {
    const { bench } = swapped();
    let asked: number | undefined;
    whenAsleep(bench, () => {
      asked = nextPageRequest(bench.agent, bench.vm);
      install(bench);
    });
    bench.guests[0].read(GFN);
    expect(asked).toBe(GFN);
  });

  it('leaves no request behind when it came unasked', () => {
    const { bench } = swapped();
    whenAsleep(bench, () => install(bench));
    bench.guests[0].read(GFN);
    expect(nextPageRequest(bench.agent, bench.vm)).toBe(undefined);
  });

  it('is outside the guest while it sleeps', () => {
    const { bench } = swapped();
    let mode = -1;
    whenAsleep(bench, () => {
      mode = bench.agent.load32(modeAddress(0)) & 3;
      install(bench);
    });
    bench.guests[0].read(GFN);
    expect(mode).toBe(0);
  });

  it('keeps what it writes then', () => {
    const { bench } = swapped();
    whenAsleep(bench, () => install(bench));
    bench.guests[0].write(GFN, 8, 1);
    expect([0, 1].map((word) => bench.guests[1].read(GFN, word))).toEqual([9, 8]);
  });

  it('asks again when the page has come and gone while it slept', () => {
    const { bench } = swapped();
    const { agent, vm } = bench;
    const asked: (number | undefined)[] = [];
    bench.guests[0].mem.wait = () => {
      asked.push(nextPageRequest(agent, vm));
      install(bench);
      if (asked.length === 1) swapOut(agent, vm, hvnOf(GFN), { slot: SLOT, save: () => {} });
      return WAIT_WOKEN;
    };
    bench.guests[0].read(GFN);
    expect(asked).toEqual([GFN, GFN]);
  });
});

describe('a pager', () => {
  it('takes each request once', () => {
    const { bench } = swapped();
    bench.agent.store32(bench.vm.at.page_requests + 4, GFN + 1);
    const take = () => nextPageRequest(bench.agent, bench.vm);
    expect([take(), take()]).toEqual([GFN, undefined]);
  });

  it('answers nothing when the time is up', () => {
    const { agent, vm } = touched();
    agent.wait = () => 2;
    expect(waitForPageRequest(agent, vm, 1)).toBe(undefined);
  });

  it('does not sleep when the request comes after its look', () => {
    const { bench } = swapped();
    const { agent, vm } = bench;
    const asker = bench.mems[1] as typeof agent;
    asker.waitUntil = () => {};
    const sleep = agent.wait.bind(agent);
    agent.wait = (address, seen, ms) => {
      asker.store32(vm.at.page_requests + 4, GFN + 1);
      asker.add32(vm.at.page_request_seq, 1);
      return sleep(address, seen, ms);
    };
    expect(waitForPageRequest(agent, vm)).toBe(GFN);
  });
});

describe('a range marked as missing', () => {
  it('is missing whether it was touched or not', () => {
    const bench = touched();
    const count = markMissing(bench.agent, bench.vm, hvnOf(0), 8);
    expect([
      count,
      isHostPteMissing(hostPteOf(bench, 0)),
      isHostPteMissing(hostPteOf(bench, GFN)),
    ]).toEqual([8, true, true]);
  });

  it('gives its frames back', () => {
    const bench = touched();
    const frame = hostPtePfn(hostPteOf(bench, GFN));
    markMissing(bench.agent, bench.vm, hvnOf(0), 8);
    expect(pageRefcount(bench.agent, bench.vm, frame)).toBe(0);
  });

  it('leaves what is missing in its slot', () => {
    const { bench } = swapped();
    markMissing(bench.agent, bench.vm, hvnOf(0), 8);
    expect(hostPteOf(bench, GFN)).toBe(makeMissingHostPte(SLOT, 0));
  });
});
