import { requestsAddress, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  beforeEvery,
  eventsOf,
  faultAndLeave,
  flagsOf,
  hostPteOf,
  hvnOf,
  LOGGED,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  slotOf,
} from '../../test/fixture.ts';
import type { Sptep } from '../address.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { newPageFault } from '../fault/fault.ts';
import { RET_PF_RETRY } from '../fault/ret-pf.ts';
import { clearYoung } from '../host/aging.ts';
import { hostPtePfn, isHostPteHuge } from '../host/host-pte.ts';
import { writeProtectHostPage } from '../host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { clearPageFlags, PG_DIRTY, pageFlags } from '../host/page-flags.ts';
import { restoreAccTrack } from '../spte/acc-track.ts';
import { isAccessTracked, isLastSpte, PT_WRITABLE_MASK } from '../spte/spte.ts';
import { tableFrame } from '../spte/walk.ts';
import { vmConfig } from '../vm/create-vm.ts';
import { walkShadowPageLocklessBegin, walkShadowPageLocklessEnd } from '../vm/lockless-walk.ts';
import { createMemslot, deleteMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { forEachSpte } from '../vm/tdp-iter.ts';
import { OUTSIDE_GUEST_MODE, READING_SHADOW_PAGE_TABLES } from '../vm/vcpu-mode.ts';
import { forEachRmapSpte, rmapHead } from './rmap.ts';
import { mappedBy, shadowPage } from './shadow-page.ts';

const LARGE = { mmu: 'legacy', transparentHugepage: 'always', pageFrames: 48 } as const;
const memOf = (bench: Bench) => bench.mems[0] as (typeof bench.mems)[0];

/** Every leaf as `gfn@level`, by the page table, and by the rmaps of the whole memory. */
function leaves(bench: Bench): string[][] {
  const { agent, vm } = bench;
  const walked: string[] = [];
  const mapped: string[] = [];
  forEachSpte(agent, vm, ({ low }, level, gfn) => {
    if (isLastSpte(low, level)) walked.push(`${gfn}@${level}`);
  });
  const visit = (sptep: Sptep): void => {
    const { gfn, level } = mappedBy(agent, vm, sptep);
    mapped.push(`${gfn}@${level}`);
  };
  const pages = 1 << vm.geometry.indexBits;
  for (let hvn = 0; hvn < vm.hostPages; hvn++) {
    forEachRmapSpte(agent, vm, rmapHead(vm, hvnOf(hvn), 1), visit);
    if (hvn % pages === 0) forEachRmapSpte(agent, vm, rmapHead(vm, hvnOf(hvn), 2), visit);
  }
  return [walked.sort(), mapped.sort()];
}

describe('a page table of the legacy MMU', () => {
  const mapped = (): Bench => {
    const bench = makeBenchWithSlot(0, { mmu: 'legacy' });
    for (const gfn of [2, 3, 9]) bench.guests[0].write(gfn, gfn);
    return bench;
  };

  it('has every leaf in the rmap of its page', () => {
    const [walked, byRmap] = leaves(mapped());
    expect([walked, byRmap]).toEqual([
      ['2@1', '3@1', '9@1'],
      ['2@1', '3@1', '9@1'],
    ]);
  });

  it('knows of each table what it maps, and the entry that leads to it', () => {
    const bench = mapped();
    const { agent, vm } = bench;
    const { sptep } = lastSpte(bench, 9);
    expect(shadowPage(agent, vm, tableFrame(vm, sptep))).toEqual({
      gfn: 8,
      level: 1,
      parent: vm.roots[0] + 2 * 8,
    });
  });

  it('tells of what it maps, and of nothing else, as KVM does', () => {
    const bench = makeBenchWithSlot(LOGGED, { mmu: 'legacy' });
    const events = eventsOf(memOf(bench), () => faultAndLeave(bench, 3));
    expect(events.map(({ event }) => event)).toEqual([
      'kvm_page_fault',
      'kvm_mmu_spte_requested',
      'kvm_mmu_set_spte',
    ]);
  });

  it('is no matter of a lock held for reading', () => {
    expect(() => vmConfig({ vcpus: 1, hostPages: 1, mmu: 'legacy', faultLock: 'shared' })).toThrow(
      "expected faultLock 'exclusive' with mmu 'legacy', got 'shared'",
    );
  });
});

describe('a notifier in the legacy MMU', () => {
  it('exchanges a leaf that the fast path may change', () => {
    const bench = makeBenchWithSlot(LOGGED, { mmu: 'legacy' });
    bench.guests[0].write(3, 1);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    const { sptep } = lastSpte(bench, 3);
    const operations = operationsOf(bench.agent, (mem) => {
      invalidateRangeStart(mem, bench.vm, hvnOf(3), 1);
      invalidateRangeEnd(mem, bench.vm, hvnOf(3), 1);
    });
    const changes = operations.filter(
      ({ address, verb }) => address === sptep && verb !== 'load64',
    );
    expect(changes.map(({ verb }) => verb)).toEqual(['xchg64']);
  });

  it('looks at nothing but what maps the pages', () => {
    const bench = makeBenchWithSlot(0, { mmu: 'legacy' });
    for (const gfn of [2, 3]) bench.guests[0].write(gfn, 1);
    const { sptep } = lastSpte(bench, 3);
    const { tablesAt, tableFrames, tableShift } = bench.vm;
    const operations = operationsOf(bench.agent, (mem) => {
      invalidateRangeStart(mem, bench.vm, hvnOf(3), 1);
    });
    const touched = operations
      .map(({ address }) => address)
      .filter((at) => at >= tablesAt && at < tablesAt + (tableFrames << tableShift));
    expect(new Set(touched)).toEqual(new Set([sptep]));
  });
});

describe('a large leaf of the legacy MMU', () => {
  const large = (): Bench => {
    const bench = makeBenchWithSlot(0, LARGE);
    bench.guests[0].write(5, 5);
    return bench;
  };

  it('maps a huge page of the host', () => {
    expect(leaves(large())).toEqual([['4@2'], ['4@2']]);
  });

  it('goes whole when the host withdraws one of its pages', () => {
    const bench = large();
    invalidateRangeStart(bench.agent, bench.vm, hvnOf(6), 1);
    invalidateRangeEnd(bench.agent, bench.vm, hvnOf(6), 1);
    expect(leaves(bench)).toEqual([[], []]);
  });

  it('stays, protected, when its log begins', () => {
    const bench = large();
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect([leaves(bench)[0], flagsOf(bench, 4)]).toEqual([['4@2'], 'ee5']);
  });

  it('is dropped by the first store then, and mapped one page at a time', () => {
    const bench = large();
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    bench.guests[0].write(5, 6);
    expect([leaves(bench), bench.guests[0].read(5)]).toEqual([[['5@1'], ['5@1']], 6]);
  });

  it('is flushed when it is dropped: no rmap leads to what TLBs still hold of it', () => {
    const bench = large();
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    const operations = operationsOf(memOf(bench), (mem) => faultAndLeave(bench, 5, { mem }));
    const asked = operations.findIndex(({ address }) => address === requestsAddress(1));
    const unlocked = operations.findIndex(({ verb }) => verb === 'writeUnlock');
    expect([asked > 0, asked < unlocked]).toEqual([true, true]);
  });

  it('comes back after the log, and the table that it replaces is free', () => {
    const bench = large();
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    bench.guests[0].write(5, 6);
    const table = tableFrame(bench.vm, lastSpte(bench, 5).sptep);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    expect(leaves(bench)).toEqual([[], []]);
    bench.guests[0].write(5, 7);
    expect([leaves(bench), shadowPage(bench.agent, bench.vm, table).level]).toEqual([
      [['4@2'], ['4@2']],
      0,
    ]);
    expect(isHostPteHuge(bench.agent.load32(bench.vm.at.host_page_table + 5 * 4))).toBe(true);
  });
});

describe('an access-tracked leaf of the legacy MMU', () => {
  const tracked = (): Bench => {
    const bench = makeBenchWithSlot(LOGGED, { mmu: 'legacy', adBits: false, faultPath: 'slow' });
    bench.guests[0].write(3, 1);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    clearYoung(bench.agent, bench.vm, hvnOf(3), 1);
    return bench;
  };

  it('is what ageing leaves, and told of by no tracepoint of the TDP MMU', () => {
    const bench = tracked();
    bench.guests[0].read(3);
    const events = eventsOf(bench.agent, () => clearYoung(bench.agent, bench.vm, hvnOf(3), 1));
    const { low, high } = lastSpte(bench, 3);
    expect([events.map(({ event }) => event), isAccessTracked(low, high)]).toEqual([
      ['kvm_age_hva'],
      true,
    ]);
  });

  it('has its rights again after a load, and no W', () => {
    const bench = tracked();
    expect([bench.guests[0].read(3), flagsOf(bench, 3)]).toEqual([1, 'e05']);
  });

  it('is left to a fast path that was faster', () => {
    const bench = tracked();
    const { sptep, low, high } = lastSpte(bench, 3);
    const restored = restoreAccTrack({ low, high });
    const mem = before(memOf(bench), { verb: 'cmpxchg64', address: sptep }, () => {
      bench.agent.store64(sptep, restored.low | PT_WRITABLE_MASK, restored.high);
    });
    expect([faultAndLeave(bench, 3, { mem, write: false }).ret, flagsOf(bench, 3)]).toEqual([
      RET_PF_RETRY,
      'e07',
    ]);
  });

  it('may have been written: that it was writable is told when it is protected', () => {
    const bench = makeBenchWithSlot(0, { mmu: 'legacy', adBits: false });
    bench.guests[0].write(3, 1);
    const pfn = hostPtePfn(hostPteOf(bench, 3));
    clearPageFlags(bench.agent, bench.vm, pfn);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(pageFlags(bench.agent, bench.vm, pfn) & PG_DIRTY).toBe(PG_DIRTY);
  });
});

describe('PML with the legacy MMU', () => {
  it('clears D of small leaves when the log begins, and W of large ones', () => {
    const bench = makeBenchWithSlot(0, { ...LARGE, pml: true });
    bench.guests[0].write(5, 5);
    bench.guests[0].write(9, 9);
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(9)); // splits the huge page
    bench.guests[0].write(9, 9);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect([flagsOf(bench, 4), flagsOf(bench, 9)]).toEqual(['ee5', 'e27']);
  });

  it('logs the store that sets D again', () => {
    const bench = makeBenchWithSlot(LOGGED, { mmu: 'legacy', pml: true });
    bench.guests[0].write(3, 1);
    getDirtyLog(bench.agent, bench.vm, 0);
    bench.guests[0].write(3, 2);
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(1);
  });
});

describe('the deletion of a memslot in the legacy MMU, with what it maps alone', () => {
  const ALONE = { mmu: 'legacy', slotZapAll: false } as const;

  it('frees its tables under mmu_lock, after a flush and with no grace period between', () => {
    const bench = makeBenchWithSlot(0, ALONE);
    bench.guests[0].write(3, 1);
    const operations = operationsOf(bench.agent, (mem) => deleteMemslot(mem, bench.vm, 0));
    const named = operations
      .map(({ verb, address, args }) =>
        address === requestsAddress(0) && verb === 'or32' && args[0] === 2 ? 'flush' : verb,
      )
      .filter((name) => /flush|free|writeUnlock|synchronize/.test(name));
    expect(named).toEqual([
      'synchronize',
      ...['flush', 'writeUnlock'],
      ...['flush', 'free', 'writeUnlock'],
      'synchronize',
    ]);
  });

  it('lets others have mmu_lock after every ten tables', () => {
    const geometry = { levels: 2, indexBits: 4 };
    const bench = makeBench({ ...ALONE, geometry, hostPages: 256, pageFrames: 256 });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 256 }));
    for (let gfn = 0; gfn < 256; gfn += 16) bench.guests[0].write(gfn, 1);
    let freed = 0;
    const counts: number[] = [];
    const counting = beforeEvery(bench.agent, { verb: 'free' }, () => freed++);
    const mem = beforeEvery(counting, { verb: 'writeUnlock' }, () => counts.push(freed));
    deleteMemslot(mem, bench.vm, 0);
    expect(counts).toEqual([0, 10, 16]);
  });

  it('takes the leaves of a table that others share', () => {
    const bench = makeBench(ALONE);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 2 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 2, npages: 2, hvn: 2 }));
    for (const gfn of [1, 2]) bench.guests[0].write(gfn, 1);
    deleteMemslot(bench.agent, bench.vm, 0);
    expect(leaves(bench)).toEqual([['2@1'], ['2@1']]);
  });
});

describe('a walk without a lock', () => {
  const walker = (mmu: 'tdp' | 'legacy') => {
    const bench = makeBenchWithSlot(LOGGED, { mmu });
    const { mode } = newPageFault(0);
    memOf(bench).store32(mode.requests, 0);
    return { bench, mode, mem: memOf(bench) as Shared };
  };

  it('says READING while it lasts, and OUTSIDE after it', () => {
    const { bench, mode, mem } = walker('legacy');
    const began = walkShadowPageLocklessBegin(mem, bench.vm, { mode });
    const during = mode.word & 3;
    walkShadowPageLocklessEnd(mem, bench.vm, { mode });
    expect([began, during, mode.word & 3]).toEqual([
      true,
      READING_SHADOW_PAGE_TABLES,
      OUTSIDE_GUEST_MODE,
    ]);
  });

  it('does not begin while something is asked of the vCPU', () => {
    const { bench, mode, mem } = walker('legacy');
    mem.or32(mode.requests, 1);
    expect([walkShadowPageLocklessBegin(mem, bench.vm, { mode }), mode.word & 3]).toEqual([
      false,
      OUTSIDE_GUEST_MODE,
    ]);
  });

  it('costs the TDP MMU no operation', () => {
    const { bench, mode, mem } = walker('tdp');
    const operations = operationsOf(mem, (own) => {
      walkShadowPageLocklessBegin(own, bench.vm, { mode });
      walkShadowPageLocklessEnd(own, bench.vm, { mode });
    });
    expect(operations.map(({ verb }) => verb)).toEqual(['enterRead', 'exitRead']);
  });

  it('of a fault that the fast path repairs ends outside, after the mark', () => {
    const bench = makeBenchWithSlot(LOGGED, { mmu: 'legacy' });
    bench.guests[1].write(3, 1);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    const { vm } = bench;
    const outside: boolean[] = [];
    const mem = before(memOf(bench), { verb: 'or32', address: vm.at.dirty_bitmap }, () => {
      outside.push((bench.agent.load32(newPageFault(0).mode.address) & 3) === OUTSIDE_GUEST_MODE);
    });
    const { fast } = faultAndLeave(bench, 3, { mem });
    expect([fast, outside]).toEqual([true, [false]]);
  });
});
