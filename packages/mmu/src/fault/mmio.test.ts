import type { Operation, Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  faultAt,
  faultLock,
  flagsOf,
  gfnOf,
  gpaOf,
  hvnOf,
  illegalSptes,
  itOfTdp,
  LOGGED,
  lastSpte,
  makeBench,
  operationsOf,
  setSpte,
  slotOf,
  usedMmu,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import type { FaultLock, VmConfig } from '../memory-map.ts';
import { makeSpte } from '../spte/make-spte.ts';
import { mmioSpteGeneration, mmioSpteGfn } from '../spte/mmio-spte.ts';
import { FROZEN_SPTE, isMmioSpte, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { write32 } from '../vcpu/access.ts';
import { enterGuest, leaveGuest } from '../vcpu/run.ts';
import { newVcpu, type Vcpu } from '../vcpu/vcpu.ts';
import { mmioGeneration } from '../vm/memslots.ts';
import { createMemslot, deleteMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { MMIO_TABLES } from './fault.ts';
import { handleMmioPageFault } from './mmio.ts';
import { pageFault } from './page-fault.ts';
import {
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  type RetPf,
} from './ret-pf.ts';

const DEVICE = 9;
const OTHER = 10;
/** W, U, RSVD and P; the same without P, as emulators of hardware report it. */
const RESERVED = 0xf;
const WITHOUT_P = 0xe;

/** Gfns 0 to 7 are memory, DEVICE and OTHER are not. */
function makeBus(options: Partial<VmConfig> = {}): Bench {
  const bench = makeBench(options);
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 8, flags: LOGGED }));
  return bench;
}
/** DEVICE has been accessed, by vCPU 0. */
function marked(options: Partial<VmConfig> = {}): Bench {
  const bench = makeBus(options);
  bench.guests[0].write(DEVICE, 1);
  return bench;
}
const memOf = (bench: Bench): Shared => bench.mems[0] as Shared;
const agentOf = (bench: Bench) => bench.mems[0] as (typeof bench.mems)[0];
/** The slots are replaced, and DEVICE is none of them before nor after. */
const moveOn = ({ agent, vm }: Bench): void => setMemslotFlags(agent, vm, 0, 0);
const makeMemory = ({ agent, vm }: Bench): void =>
  createMemslot(agent, vm, slotOf({ id: 1, baseGfn: 8, npages: 4, hvn: 8 }));
const isMarked = (bench: Bench, gfn = DEVICE): boolean => {
  const { low, high } = lastSpte(bench, gfn);
  return isMmioSpte(low, high);
};
const generationOf = (bench: Bench, gfn = DEVICE): number => {
  const { low, high } = lastSpte(bench, gfn);
  return mmioSpteGeneration(low, high);
};
const current = ({ agent, vm }: Bench): number => mmioGeneration(agent.load32(vm.at.memslots));
const eventNames = (bench: Bench, act: () => unknown): string[] =>
  eventsOf(agentOf(bench), act).map(({ event }) => event);

/** A fault of `vcpu` (one that remembers nothing, if absent) in the guest, and what became of it. */
function fault(
  bench: Bench,
  errorCode = RESERVED,
  { mem = memOf(bench), vcpu = newVcpu(0) }: { mem?: Shared; vcpu?: Vcpu } = {},
): RetPf {
  enterGuest(memOf(bench), bench.vm, vcpu);
  try {
    return pageFault(mem, bench.vm, vcpu.fault, gpaOf(DEVICE), errorCode);
  } finally {
    leaveGuest(memOf(bench), vcpu);
  }
}
const isWriteOf = ({ verb }: Operation): boolean =>
  /^(store|xchg|cmpxchg|or|and|add)/.test(verb) || verb.endsWith('ock');
const operationsOfFault = (bench: Bench, vcpu = newVcpu(0)): Operation[] => {
  enterGuest(memOf(bench), bench.vm, vcpu);
  const operations = operationsOf(memOf(bench), (mem) =>
    pageFault(mem, bench.vm, vcpu.fault, gpaOf(DEVICE), RESERVED),
  );
  leaveGuest(memOf(bench), vcpu);
  return operations;
};

const FAULT_LOCKS: readonly FaultLock[] =
  usedMmu() === 'tdp' ? ['shared', 'exclusive'] : ['exclusive'];

describe('the first access to a gfn without a memslot', () => {
  it('is emulated', () => {
    expect(fault(makeBus(), 6)).toBe(RET_PF_EMULATE);
  });

  it('leaves an MMIO spte', () => {
    expect(isMarked(marked())).toBe(true);
  });

  it('leaves one that names its gfn', () => {
    const { low, high } = lastSpte(marked(), DEVICE);
    expect(mmioSpteGfn(low, high)).toBe(DEVICE);
  });

  it('leaves one of the current generation', () => {
    const bench = marked();
    expect(generationOf(bench)).toBe(current(bench));
  });

  it.each(FAULT_LOCKS)('may hold mmu_lock %s', (faultLock) => {
    const bench = marked({ faultLock });
    expect([isMarked(bench), bench.agent.load32(bench.vm.at.mmu_lock)]).toEqual([true, 0]);
  });

  it('marks nothing dirty', () => {
    const bench = marked();
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(0);
  });

  itOfTdp('is told as requested without a page, as changed at every level, and as marked', () => {
    const bench = makeBus();
    const events = eventsOf(agentOf(bench), () => fault(bench, 6));
    expect(events).toMatchObject([
      { event: 'kvm_page_fault', error_code: 0x1_0000_0006 },
      { event: 'kvm_mmu_spte_requested', gfn: DEVICE, pfn: 2 ** 63 },
      { event: 'kvm_tdp_mmu_spte_changed', level: 2 },
      { event: 'kvm_tdp_mmu_spte_changed', level: 1, old_spte: SHADOW_NONPRESENT },
      { event: 'mark_mmio_spte', gfn: DEVICE, access: 7, gen: 1 },
    ]);
  });

  it('leaves nothing where sptes are not to remember it', () => {
    expect(isMarked(marked({ mmioCaching: false }))).toBe(false);
  });

  itOfTdp('leaves nothing in a place that somebody has frozen: RETRY', () => {
    const bench = marked();
    setSpte(bench, DEVICE, FROZEN_SPTE);
    expect(fault(bench, 6)).toBe(RET_PF_RETRY);
  });

  itOfTdp('leaves nothing when another vCPU was faster: RETRY', () => {
    const bench = makeBus();
    bench.guests[1].read(8); // links the table
    const mem = before(memOf(bench), { verb: 'cmpxchg64' }, () => bench.guests[1].read(DEVICE));
    expect(fault(bench, 6, { mem })).toBe(RET_PF_RETRY);
  });

  it('finds done what another vCPU has done: EMULATE, and no spte is changed', () => {
    const bench = marked();
    const events = eventNames(bench, () => fault(bench, 6));
    expect(events).toEqual(['kvm_page_fault', 'kvm_mmu_spte_requested', 'mark_mmio_spte']);
  });

  it('is looked at again when the slots change before it has mmu_lock: RETRY', () => {
    const bench = makeBus();
    const mem = before(memOf(bench), { verb: faultLock() }, () => makeMemory(bench));
    expect([fault(bench, 6, { mem }), isMarked(bench)]).toEqual([RET_PF_RETRY, false]);
  });

  it('replaces no memory that came there while it held mmu_lock: RETRY', () => {
    const bench = marked();
    setSpte(bench, DEVICE, makeSpte(3 as never, true));
    expect([fault(bench, 6), isMarked(bench)]).toEqual([RET_PF_RETRY, false]);
  });
});

describe('a guest that reads all over the bus', () => {
  const options = { geometry: { levels: 3, indexBits: 4 }, tableFrames: 160 } as const;
  const read = (): { bench: Bench; values: Set<number> } => {
    const bench = makeBus(options);
    const gfns = Array.from({ length: 4096 }, (_, n) => n).filter((gfn) => gfn >= 8);
    return { bench, values: new Set(gfns.map((gfn) => bench.guests[0].read(gfn))) };
  };

  it('is answered everywhere', () => {
    expect(read().values).toEqual(new Set([-1]));
  });

  it('has MMIO sptes in no more page tables than a vCPU may add', () => {
    const { bench } = read();
    const gfns = Array.from({ length: 256 }, (_, n) => n * 16 + 15);
    const tables = gfns.filter((gfn) => isMarked(bench, gfn)).length;
    expect([tables > 0, tables <= MMIO_TABLES]).toEqual([true, true]);
  });

  it('leaves room for memory', () => {
    const { bench } = read();
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 4000, hvn: 8 }));
    expect(bench.guests[1].write(4000, 1)).toBe(true);
  });
});

describe('an access that hardware reports as RSVD', () => {
  it.each([
    ['with P', RESERVED],
    ['without, as emulators of hardware do', WITHOUT_P],
  ])('(%s) is emulated', (_, errorCode) => {
    expect(fault(marked(), errorCode)).toBe(RET_PF_EMULATE);
  });

  itOfTdp('takes no lock and changes nothing', () => {
    expect(operationsOfFault(marked()).filter(isWriteOf)).toEqual([]);
  });

  it('searches no slots', () => {
    const bench = marked();
    const { memslot_arrays } = bench.vm.at;
    const inSlots = operationsOfFault(bench).filter(
      ({ address }) => address >= memslot_arrays && address < memslot_arrays + 1024,
    );
    expect(inSlots).toEqual([]);
  });

  it('is told as checked and as handled', () => {
    const bench = marked();
    expect(eventsOf(agentOf(bench), () => fault(bench))).toMatchObject([
      { event: 'kvm_page_fault', error_code: 0x1_0000_000f },
      { event: 'check_mmio_spte', kvm_gen: 1, spte_gen: 1, valid: true },
      { event: 'handle_mmio_page_fault', addr: 0, gfn: DEVICE, access: 6 },
    ]);
  });

  it('is not for the fast path, whatever the spte says', () => {
    const bench = marked();
    moveOn(bench);
    expect(eventNames(bench, () => fault(bench))).not.toContain('fast_page_fault');
  });

  it('is tried again where no spte is any more: RETRY', () => {
    const bench = marked();
    setSpte(bench, DEVICE, SHADOW_NONPRESENT);
    expect(fault(bench)).toBe(RET_PF_RETRY);
  });

  it('is tried again where memory is mapped: RETRY', () => {
    const bench = marked();
    setSpte(bench, DEVICE, makeSpte(3 as never, true));
    expect(fault(bench)).toBe(RET_PF_RETRY);
  });
});

describe('an MMIO spte of an old generation', () => {
  const stale = (): Bench => {
    const bench = marked();
    moveOn(bench);
    return bench;
  };

  it('answers nothing: INVALID', () => {
    const bench = stale();
    bench.guests[0].read(0); // serves what was asked of it
    expect(handleMmioPageFault(memOf(bench), bench.vm, faultAt(bench, DEVICE, undefined))).toBe(
      RET_PF_INVALID,
    );
  });

  it('is made anew by a full fault, and the access is emulated', () => {
    const bench = stale();
    expect([fault(bench), generationOf(bench)]).toEqual([RET_PF_EMULATE, current(bench)]);
  });

  itOfTdp('is told as the kernel tells it', () => {
    const bench = stale();
    expect(eventsOf(agentOf(bench), () => fault(bench))).toMatchObject([
      { event: 'kvm_page_fault' },
      { event: 'check_mmio_spte', kvm_gen: 2, spte_gen: 1, valid: false },
      { event: 'kvm_mmu_spte_requested' },
      { event: 'kvm_tdp_mmu_spte_changed', level: 1 },
      { event: 'mark_mmio_spte', gen: 2 },
    ]);
  });

  it('is no reason to call the next one old', () => {
    const bench = stale();
    fault(bench);
    expect(eventNames(bench, () => fault(bench))).toContain('handle_mmio_page_fault');
  });
});

describe('while the memslots are being replaced', () => {
  const during = <Said>(bench: Bench, act: () => Said): Said | undefined => {
    let said: Said | undefined;
    const mem = before(bench.agent, { verb: 'synchronize' }, () => {
      said = act();
    });
    setMemslotFlags(mem, bench.vm, 0, 0);
    return said;
  };

  it('no MMIO spte answers', () => {
    const bench = marked();
    const answer = during(bench, () =>
      handleMmioPageFault(memOf(bench), bench.vm, faultAt(bench, DEVICE, undefined)),
    );
    expect(answer).toBe(RET_PF_INVALID);
  });

  it('an access is emulated all the same', () => {
    const bench = marked();
    expect(during(bench, () => fault(bench))).toBe(RET_PF_EMULATE);
  });

  it('no MMIO spte is left: it would be stale at once', () => {
    const bench = makeBus();
    during(bench, () => fault(bench, 6));
    expect(isMarked(bench)).toBe(false);
  });

  it('no vCPU remembers anything', () => {
    const bench = makeBus();
    const vcpu = newVcpu(0);
    during(bench, () => fault(bench, 6, { vcpu }));
    expect(vcpu.fault.mmio.gfn).toBe(-1);
  });

  it('the new ones count, and then they do not go stale', () => {
    const bench = makeBus();
    const vcpu = newVcpu(0);
    const mem = before(bench.agent, { verb: 'synchronize' }, () => {
      fault(bench, 6, { vcpu });
    });
    createMemslot(mem, bench.vm, slotOf({ id: 1, baseGfn: 8, npages: 4, hvn: 8 }));
    write32(memOf(bench), bench.vm, vcpu, gpaOf(OTHER), 1);
    leaveGuest(memOf(bench), vcpu);
    expect(vcpu.stat).toMatchObject({ pf_retry: 0, pf_slow: 1 });
  });
});

describe('what a vCPU remembers of its last MMIO access', () => {
  const remembering = () => {
    const bench = marked();
    return { bench, vcpu: bench.guests[0].vcpu };
  };

  it('answers the next one at the same gfn', () => {
    const { bench, vcpu } = remembering();
    fault(bench, RESERVED, { vcpu });
    expect(vcpu.stat).toMatchObject({ mmio_cached: 1, mmio_fast: 0 });
  });

  it('answers it after one look at the generation', () => {
    const { bench, vcpu } = remembering();
    const operations = operationsOfFault(bench, vcpu);
    expect(operations.map(({ verb, address }) => [verb, address])).toEqual([
      ['load32', bench.vm.at.memslots],
    ]);
  });

  it('is another vCPU none of', () => {
    const { bench } = remembering();
    const vcpu = newVcpu(0);
    fault(bench, RESERVED, { vcpu });
    expect(vcpu.stat).toMatchObject({ mmio_cached: 0, mmio_fast: 1 });
  });

  it('is what an MMIO spte has answered', () => {
    const { bench } = remembering();
    const vcpu = newVcpu(0);
    for (let n = 0; n < 3; n++) fault(bench, RESERVED, { vcpu });
    expect(vcpu.stat).toMatchObject({ mmio_cached: 2, mmio_fast: 1 });
  });

  it('is one gfn', () => {
    const { bench, vcpu } = remembering();
    bench.guests[0].write(OTHER, 1);
    fault(bench, RESERVED, { vcpu });
    expect(vcpu.stat).toMatchObject({ mmio_cached: 0, mmio_fast: 1 });
  });

  it('does not outlive the memslots', () => {
    const { bench, vcpu } = remembering();
    moveOn(bench);
    fault(bench, RESERVED, { vcpu });
    expect(vcpu.stat).toMatchObject({ mmio_cached: 0, mmio_stale: 1 });
  });
});

describe('a memslot that is created where MMIO sptes are', () => {
  it('is memory for every vCPU', () => {
    const bench = marked();
    makeMemory(bench);
    expect([bench.guests[0].write(DEVICE, 5), bench.guests[1].read(DEVICE)]).toEqual([true, 5]);
  });

  it('has its pages mapped over them by the slow path, with D left to hardware, as KVM does', () => {
    const bench = marked();
    makeMemory(bench);
    expect([fault(bench), flagsOf(bench, DEVICE)]).toEqual([RET_PF_FIXED, 'e27']);
  });

  it('leaves those beside it, of an old generation', () => {
    const bench = marked();
    bench.guests[0].read(13);
    makeMemory(bench);
    expect([isMarked(bench, 13), generationOf(bench, 13) === current(bench)]).toEqual([
      true,
      false,
    ]);
  });
});

describe('a memslot that is deleted with what it maps alone', () => {
  const ALONE = { slotZapAll: false } as const;

  it('leaves gfns that are marked with the first access', () => {
    const bench = makeBus(ALONE);
    makeMemory(bench);
    bench.guests[0].write(DEVICE, 5);
    deleteMemslot(bench.agent, bench.vm, 1);
    expect([bench.guests[0].read(DEVICE), isMarked(bench)]).toEqual([-1, true]);
  });

  itOfTdp('takes the MMIO sptes of tables that nobody needs with it, and tells of each', () => {
    const bench = makeBus(ALONE);
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 8, npages: 1, hvn: 8 }));
    for (const gfn of [8, DEVICE]) bench.guests[0].write(gfn, 1);
    const events = eventsOf(bench.agent, () => deleteMemslot(bench.agent, bench.vm, 1));
    const gone = events.filter(
      (event) => event.event === 'kvm_tdp_mmu_spte_changed' && event.old_spte.low !== 0,
    );
    expect(gone).toMatchObject([
      { level: 2 },
      { gfn: 8, level: 1, new_spte: FROZEN_SPTE },
      { gfn: DEVICE, level: 1, new_spte: FROZEN_SPTE },
    ]);
  });

  it('leaves the MMIO sptes of tables that others need', () => {
    const bench = makeBench(ALONE);
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, npages: 1 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 1, npages: 1, hvn: 1 }));
    bench.guests[0].read(2);
    deleteMemslot(bench.agent, bench.vm, 1);
    expect(isMarked(bench, 2)).toBe(true);
  });
});

describe('whoever zaps or protects memory', () => {
  it('leaves MMIO sptes as they are', () => {
    const bench = makeBus();
    for (const gfn of [7, 8]) bench.guests[0].write(gfn, 1);
    invalidateRangeStart(bench.agent, bench.vm, hvnOf(0), 16);
    invalidateRangeEnd(bench.agent, bench.vm, hvnOf(0), 16);
    getDirtyLog(bench.agent, bench.vm, 0);
    expect([isMarked(bench, 8), illegalSptes(bench)]).toEqual([true, []]);
  });
});

describe('an access beyond what a page table can map', () => {
  it('is emulated and leaves no spte', () => {
    const bench = makeBus();
    const events = eventsOf(agentOf(bench), () => bench.guests[0].read(16));
    expect(events.map(({ event }) => event)).toEqual(['kvm_page_fault']);
  });

  it('is not taken for another gfn', () => {
    const bench = marked();
    expect(fault(bench)).toBe(RET_PF_EMULATE);
    expect(lastSpte(bench, gfnOf(DEVICE)).level).toBe(1);
  });
});
