import { modeAddress, type Operation, type Shared } from '@faultline/atomics';
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
  itOfTdp,
  LOGGED,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  pfnOf,
  setSpte,
  usedMmu,
  wordsOf,
} from '../../test/fixture.ts';
import { hostPtePfn, hostPtep } from '../host/host-pte.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from '../host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { allocPage, pageRefcount, putPage } from '../host/page-frames.ts';
import { makeSpte } from '../spte/make-spte.ts';
import { FROZEN_SPTE, spteToPfn } from '../spte/spte.ts';
import { deleteMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { RET_PF_EMULATE, RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS } from './ret-pf.ts';

const GFN = 3;
const MODES = ['OUTSIDE', 'IN_GUEST', '', 'READING'];

const vcpuMem = (bench: Bench): Shared => bench.mems[0] as Shared;
const pfnOfGfn = (bench: Bench, gfn = GFN): number => {
  const { low, high } = lastSpte(bench, gfn);
  return spteToPfn(low, high);
};
const invalidate = ({ agent, vm }: Bench, hvn: number): void => {
  invalidateRangeStart(agent, vm, hvnOf(hvn), 1);
  invalidateRangeEnd(agent, vm, hvnOf(hvn), 1);
};
/** Makes gfns 3 and 4, of equal content, share one host page, the way ksmd does. */
function merge({ agent, vm, guests: [guest] }: Bench, word = 7): void {
  for (const gfn of [GFN, GFN + 1]) guest.write(gfn, word);
  const kept = writeProtectHostPage(agent, vm, hvnOf(GFN));
  makeKsmPage(agent, vm, hvnOf(GFN), kept);
  const other = writeProtectHostPage(agent, vm, hvnOf(GFN + 1));
  mergeWithKsmPage(agent, vm, hvnOf(GFN + 1), other, hostPtePfn(kept));
}
const interrupted = (bench: Bench, pick: Parameters<typeof before>[1], act: () => unknown) =>
  faultAndLeave(bench, GFN, { mem: before(vcpuMem(bench), pick, act) }).ret;

describe('the order of a slow fault', () => {
  const named = (): string[] => {
    const bench = makeBenchWithSlot();
    const { vm } = bench;
    const names = new Map<number, string>([
      [vm.at.mmu_invalidate_seq, 'seq'],
      [hostPtep(vm, hvnOf(GFN)), 'host pte'],
      [vm.at.mmu_lock, 'mmu_lock'],
      [vm.at.memslots, 'memslots'],
    ]);
    const mode = modeAddress(0);
    const nameOf = ({ verb, address, args }: Operation): string | undefined =>
      address === mode && verb === 'store32'
        ? MODES[(args[0] as number) & 3]
        : names.has(address)
          ? `${verb.replace('load32', '')} ${names.get(address)}`.trim()
          : undefined;
    const operations = operationsOf(vcpuMem(bench), (mem) => faultAndLeave(bench, GFN, { mem }));
    return operations.map(nameOf).filter((name) => name !== undefined);
  };
  const order = named();
  const first = (name: string): number => order.indexOf(name);

  it('takes the sequence number before the host page', () => {
    expect(first('seq')).toBeLessThan(first('host pte'));
  });

  it('asks for the host page before mmu_lock', () => {
    expect(order.lastIndexOf('host pte')).toBeLessThan(first(`${faultLock()} mmu_lock`));
  });

  it('looks at the sequence number again under mmu_lock', () => {
    const under = order.slice(
      first(`${faultLock()} mmu_lock`),
      order.findIndex((name) => /Unlock mmu_lock$/.test(name)),
    );
    expect(under).toContain('seq');
  });

  it('looks at the memslots again after it has said that it reads the page tables', () => {
    expect(order.lastIndexOf('memslots')).toBeGreaterThan(first('READING'));
  });

  it('is outside the guest before it may block', () => {
    expect(first('OUTSIDE')).toBeLessThan(first('seq'));
  });

  it('reads the page tables under mmu_lock', () => {
    expect(order.lastIndexOf('READING')).toBeGreaterThan(first(`${faultLock()} mmu_lock`));
  });
});

describe('the first touch of a page', () => {
  it.each([true, false])('is FIXED (write: %s)', (write) => {
    expect(faultAndLeave(makeBenchWithSlot(), GFN, { write })).toEqual({
      ret: RET_PF_FIXED,
      fast: false,
    });
  });

  it.each([true, false])('maps it writable, since the host page is (write: %s)', (write) => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN, { write });
    expect(flagsOf(bench, GFN)).toBe('e67');
  });

  it('maps zeroes, whatever the frame held before', () => {
    const bench = makeBenchWithSlot();
    putPage(bench.agent, bench.vm, allocPage(bench.agent, bench.vm, 0x1234));
    faultAndLeave(bench, GFN);
    expect(wordsOf(bench, pfnOfGfn(bench))).toEqual([0, 0, 0, 0]);
  });

  it('leaves one reference to the frame: the host pte', () => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN);
    expect(pageRefcount(bench.agent, bench.vm, pfnOf(pfnOfGfn(bench)))).toBe(1);
  });

  it.each([true, false])(
    'marks it in a logged slot, since it is writable now (write: %s)',
    (write) => {
      const bench = makeBenchWithSlot(LOGGED);
      faultAndLeave(bench, GFN, { write });
      expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([GFN]);
    },
  );

  it('marks nothing in a slot that is not logged', () => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN);
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([]);
  });

  itOfTdp('is told as requested, as changed at every level, and as set', () => {
    const bench = makeBenchWithSlot();
    const events = eventsOf(bench.mems[0] as (typeof bench.mems)[0], () =>
      faultAndLeave(bench, GFN),
    );
    expect(events.map(({ event }) => event)).toEqual([
      'kvm_page_fault',
      'kvm_mmu_spte_requested',
      'kvm_tdp_mmu_spte_changed',
      'kvm_tdp_mmu_spte_changed',
      'kvm_mmu_set_spte',
    ]);
  });

  it('takes mmu_lock for writing where the VM says so', () => {
    const bench = makeBenchWithSlot(0, { faultLock: 'exclusive' });
    const operations = operationsOf(vcpuMem(bench), (mem) => faultAndLeave(bench, GFN, { mem }));
    const locks = operations.filter(({ address }) => address === bench.vm.at.mmu_lock);
    expect(locks.map(({ verb }) => verb)).toEqual(['writeLock', 'writeUnlock']);
  });
});

describe('an access where no slot is', () => {
  it('is for a device', () => {
    expect(faultAndLeave(makeBench(), GFN).ret).toBe(RET_PF_EMULATE);
  });

  it('takes no lock where nothing is to be remembered in sptes', () => {
    const bench = makeBench({ mmioCaching: false });
    const operations = operationsOf(vcpuMem(bench), (mem) => faultAndLeave(bench, GFN, { mem }));
    expect(operations.filter(({ verb }) => verb.endsWith('ock'))).toEqual([]);
  });
});

describe('a host page that an invalidation takes away during the fault', () => {
  it('between the host page and mmu_lock is not mapped: RETRY', () => {
    const bench = makeBenchWithSlot();
    expect(interrupted(bench, { verb: faultLock() }, () => invalidate(bench, GFN))).toBe(
      RET_PF_RETRY,
    );
  });

  it('between the sequence number and the host page is not mapped: RETRY', () => {
    const bench = makeBenchWithSlot();
    const pick = { verb: 'load32', address: hostPtep(bench.vm, hvnOf(GFN)) } as const;
    expect(interrupted(bench, pick, () => invalidate(bench, GFN))).toBe(RET_PF_RETRY);
  });

  it('and that has only begun when mmu_lock is taken is not mapped: RETRY', () => {
    const bench = makeBenchWithSlot();
    const begin = () => invalidateRangeStart(bench.agent, bench.vm, hvnOf(GFN), 1);
    expect(interrupted(bench, { verb: faultLock() }, begin)).toBe(RET_PF_RETRY);
  });

  it('leaves nothing mapped', () => {
    const bench = makeBenchWithSlot();
    interrupted(bench, { verb: faultLock() }, () => invalidate(bench, GFN));
    expect(flagsOf(bench, GFN)).toBe('0');
  });

  it('leaves no reference behind', () => {
    const bench = makeBenchWithSlot();
    interrupted(bench, { verb: faultLock() }, () => invalidate(bench, GFN));
    const pfn = hostPtePfn(hostPteOf(bench, GFN));
    expect(pageRefcount(bench.agent, bench.vm, pfn)).toBe(1);
  });

  it('is mapped when only another page is being invalidated', () => {
    const bench = makeBenchWithSlot();
    const begin = () => invalidateRangeStart(bench.agent, bench.vm, hvnOf(GFN + 1), 1);
    expect(interrupted(bench, { verb: faultLock() }, begin)).toBe(RET_PF_FIXED);
  });

  it('is not mapped when an invalidation of any page has ended since: the number does not say which', () => {
    const bench = makeBenchWithSlot();
    const act = () => invalidate(bench, GFN + 1);
    expect(interrupted(bench, { verb: faultLock() }, act)).toBe(RET_PF_RETRY);
  });

  it('is waited for when it had begun before, outside all locks', () => {
    const bench = makeBenchWithSlot();
    invalidateRangeStart(bench.agent, bench.vm, hvnOf(GFN), 1);
    let waited = false;
    const end = () => {
      invalidateRangeEnd(bench.agent, bench.vm, hvnOf(GFN), 1);
      waited = true;
    };
    const pick = { verb: 'wait', address: bench.vm.at.mmu_invalidate_in_progress } as const;
    expect([interrupted(bench, pick, end), waited]).toEqual([RET_PF_RETRY, true]);
  });

  it('is not waited for once it has ended', () => {
    const bench = makeBenchWithSlot();
    invalidate(bench, GFN);
    expect(faultAndLeave(bench, GFN).ret).toBe(RET_PF_FIXED);
  });
});

describe('a memslot that changes during the fault', () => {
  it('makes it RETRY when its flags change', () => {
    const bench = makeBenchWithSlot();
    const act = () => setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(interrupted(bench, { verb: faultLock() }, act)).toBe(RET_PF_RETRY);
  });

  it('makes it RETRY when it goes', () => {
    const bench = makeBenchWithSlot();
    const act = () => deleteMemslot(bench.agent, bench.vm, 0);
    expect(interrupted(bench, { verb: faultLock() }, act)).toBe(RET_PF_RETRY);
  });

  it('has nothing mapped when it is gone', () => {
    const bench = makeBenchWithSlot();
    interrupted(bench, { verb: faultLock() }, () => deleteMemslot(bench.agent, bench.vm, 0));
    expect(flagsOf(bench, GFN)).toBe('0');
  });

  it('is waited for while it is on its way out', () => {
    const bench = makeBenchWithSlot();
    let waited = '';
    const mem = before(bench.agent, { verb: 'synchronize' }, () => {
      const own = before(vcpuMem(bench), { verb: 'waitWhile' }, () => {
        waited = 'waits';
        throw new Error('far enough');
      });
      expect(() => faultAndLeave(bench, GFN, { mem: own })).toThrow('far enough');
    });
    deleteMemslot(mem, bench.vm, 0);
    expect(waited).toBe('waits');
  });
});

describe('a page that the host shares by content', () => {
  it('is mapped read-only for a read', () => {
    const bench = makeBenchWithSlot();
    merge(bench);
    faultAndLeave(bench, GFN, { write: false });
    expect(flagsOf(bench, GFN)).toBe('825');
  });

  it('is not marked for a read', () => {
    const bench = makeBenchWithSlot();
    merge(bench);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    faultAndLeave(bench, GFN, { write: false });
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([]);
  });

  it('is copied for a write, which is then overtaken by its own invalidation: RETRY', () => {
    const bench = makeBenchWithSlot();
    merge(bench);
    expect(faultAndLeave(bench, GFN).ret).toBe(RET_PF_RETRY);
  });

  it('is mapped as a copy at the next try', () => {
    const bench = makeBenchWithSlot();
    merge(bench);
    const shared = hostPtePfn(hostPteOf(bench, GFN));
    faultAndLeave(bench, GFN);
    faultAndLeave(bench, GFN);
    expect([flagsOf(bench, GFN), pfnOfGfn(bench) === shared]).toEqual(['e67', false]);
  });

  it('has its content in the copy', () => {
    const bench = makeBenchWithSlot();
    merge(bench, 42);
    faultAndLeave(bench, GFN);
    expect(wordsOf(bench, hostPtePfn(hostPteOf(bench, GFN)))).toEqual([42, 0, 0, 0]);
  });

  it('is copied once, when two vCPUs write it together', () => {
    const bench = makeBenchWithSlot();
    merge(bench);
    const pick = { verb: 'lock', address: bench.vm.at.mn_invalidate_lock } as const;
    interrupted(bench, pick, () => bench.guests[1].write(GFN, 8));
    expect(wordsOf(bench, hostPtePfn(hostPteOf(bench, GFN)))).toEqual([8, 0, 0, 0]);
  });
});

describe('a page that KSM has protected and not merged', () => {
  const protectedPage = () => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN);
    const pfn = pfnOfGfn(bench);
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
    return { bench, pfn };
  };

  it('is writable again for a write, in the same frame', () => {
    const { bench, pfn } = protectedPage();
    faultAndLeave(bench, GFN);
    expect([flagsOf(bench, GFN), pfnOfGfn(bench)]).toEqual(['e67', pfn]);
  });

  it('is mapped read-only for a read', () => {
    const { bench } = protectedPage();
    faultAndLeave(bench, GFN, { write: false });
    expect(flagsOf(bench, GFN)).toBe('825');
  });

  it('goes from read-only to writable for a write that follows', () => {
    const { bench } = protectedPage();
    faultAndLeave(bench, GFN, { write: false });
    faultAndLeave(bench, GFN);
    expect(flagsOf(bench, GFN)).toBe('e67');
  });

  it('stays writable under a read that asked the host before the write did', () => {
    const { bench } = protectedPage();
    const write = () => bench.guests[1].write(GFN, 5);
    const mem = before(vcpuMem(bench), { verb: faultLock() }, write);
    const { ret } = faultAndLeave(bench, GFN, { mem, write: false });
    expect([ret, flagsOf(bench, GFN)]).toEqual([RET_PF_SPURIOUS, 'e67']);
  });
});

describe('two vCPUs that fault on one page together', () => {
  const leafExchange = { verb: 'cmpxchg64', skip: 1 } as const;

  itOfTdp('leave the loser of the exchange with RETRY', () => {
    const bench = makeBenchWithSlot();
    bench.guests[1].write(GFN - 1, 1);
    const act = () => bench.guests[1].write(GFN, 5);
    expect(interrupted(bench, { verb: 'cmpxchg64' }, act)).toBe(RET_PF_RETRY);
  });

  it('leave whoever comes later with SPURIOUS', () => {
    const bench = makeBenchWithSlot();
    const act = () => bench.guests[1].write(GFN, 5);
    expect(interrupted(bench, { verb: faultLock() }, act)).toBe(RET_PF_SPURIOUS);
  });

  itOfTdp('leave whoever loses the linking of a table with RETRY', () => {
    const bench = makeBenchWithSlot();
    const act = () => bench.guests[1].write(GFN - 1, 5);
    expect(interrupted(bench, { verb: 'cmpxchg64' }, act)).toBe(RET_PF_RETRY);
  });

  itOfTdp('give back the table of the one that lost', () => {
    const bench = makeBenchWithSlot();
    const raced = before(vcpuMem(bench), { verb: 'cmpxchg64' }, () =>
      bench.guests[1].write(GFN - 1, 5),
    );
    const operations = operationsOf(raced, (mem) => faultAndLeave(bench, GFN, { mem }));
    const frames = operations.filter(({ verb }) => verb === 'alloc' || verb === 'free');
    expect(frames.map(({ verb }) => verb)).toEqual(['alloc', 'free']);
  });

  it('map it once each: the frame keeps one reference', () => {
    const bench = makeBenchWithSlot();
    interrupted(bench, leafExchange, () => bench.guests[1].write(GFN, 5));
    expect(pageRefcount(bench.agent, bench.vm, pfnOf(pfnOfGfn(bench)))).toBe(1);
  });
});

describe.skipIf(usedMmu() !== 'tdp')('an entry that somebody has frozen', () => {
  it('at level 1 is not passed: RETRY', () => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN - 1);
    setSpte(bench, GFN, FROZEN_SPTE);
    expect(faultAndLeave(bench, GFN).ret).toBe(RET_PF_RETRY);
  });

  it('above level 1 is not passed: RETRY', () => {
    const bench = makeBenchWithSlot();
    setSpte(bench, GFN, FROZEN_SPTE);
    expect(faultAndLeave(bench, GFN).ret).toBe(RET_PF_RETRY);
  });

  it('stays as it is', () => {
    const bench = makeBenchWithSlot();
    setSpte(bench, GFN, FROZEN_SPTE);
    faultAndLeave(bench, GFN);
    expect(lastSpte(bench, GFN)).toMatchObject(FROZEN_SPTE);
  });
});

describe('another page mapped without a zap', () => {
  it('is a broken invariant, said with both sptes', () => {
    const bench = makeBenchWithSlot();
    faultAndLeave(bench, GFN);
    setSpte(bench, GFN, makeSpte(pfnOf(20), true));
    expect(() => faultAndLeave(bench, GFN, { write: false })).toThrow(
      'gfn 0x3: expected a zap before another page is mapped, got 0x14e67 [P W U A D H M *] under 0xe67 [P W U A D H M *]; ' +
        'usual cause: a host page replaced without its notifier',
    );
  });
});

describe('a fault handled on the path that the VM names', () => {
  it.each([
    ['current', true],
    ['merged', true],
    ['slow', false],
  ] as const)('is repaired fast by %s: %s', (faultPath, fast) => {
    const bench = makeBenchWithSlot(LOGGED, { faultPath });
    faultAndLeave(bench, GFN);
    const { low, high } = lastSpte(bench, GFN);
    setSpte(bench, GFN, { low: low & ~2, high });
    expect(faultAndLeave(bench, GFN)).toEqual({ ret: RET_PF_FIXED, fast });
  });
});
