import { MODE_STATE, modeAddress, requestsAddress } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  faultLock,
  gpaOf,
  hvnOf,
  LOGGED,
  makeBench,
  makeBenchWithSlot,
  setSpte,
  slotOf,
} from '../../test/fixture.ts';
import { GFN_LIMIT, X86_64 } from '../address.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import type { VcpuStat } from '../fault/vcpu-stat.ts';
import { writeProtectHostPage } from '../host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { SHADOW_NONPRESENT } from '../spte/spte.ts';
import { createMemslot } from '../vm/set-memory-region.ts';
import { IN_GUEST_MODE, KVM_REQ_TLB_FLUSH, OUTSIDE_GUEST_MODE } from '../vm/vcpu-mode.ts';
import { read32, write32 } from './access.ts';
import { newVcpu } from './vcpu.ts';

const statsOf = (bench: Bench): VcpuStat => bench.guests[0].vcpu.stat;
const harvest = ({ agent, vm }: Bench): number => getDirtyLog(agent, vm, 0);

describe('a word that a guest stores', () => {
  it('is what it loads', () => {
    const [guest] = makeBenchWithSlot().guests;
    guest.write(3, 42);
    expect(guest.read(3)).toBe(42);
  });

  it('is what another vCPU loads', () => {
    const [one, other] = makeBenchWithSlot().guests;
    one.write(3, 42);
    expect(other.read(3)).toBe(42);
  });

  it('changes no other word of the page', () => {
    const [guest] = makeBenchWithSlot().guests;
    guest.write(3, 42, 2);
    expect([0, 1, 2, 3].map((word) => guest.read(3, word))).toEqual([0, 0, 42, 0]);
  });

  it('changes no other page', () => {
    const [guest] = makeBenchWithSlot().guests;
    guest.write(3, 42);
    expect([guest.read(2), guest.read(4)]).toEqual([0, 0]);
  });

  it('is a signed number of 32 bits', () => {
    const [guest] = makeBenchWithSlot().guests;
    guest.write(3, 0xffff_fffe);
    expect(guest.read(3)).toBe(-2);
  });

  it('lies in a page of 1024 words as real guests have them, to the last of these', () => {
    const options = { geometry: X86_64, pageWords: 1024 };
    const [guest] = makeBenchWithSlot(0, options).guests;
    guest.write(3, 42, 1023);
    expect([guest.read(3, 1022), guest.read(3, 1023), guest.read(4, 0)]).toEqual([0, 42, 0]);
  });

  it('is found by gfns that share a place in the TLB', () => {
    const bench = makeBench({ geometry: X86_64 });
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, baseGfn: 0, npages: 4, hvn: 0 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 1024, npages: 4, hvn: 4 }));
    const [guest] = bench.guests;
    for (const gfn of [0, 1024]) guest.write(gfn, gfn + 1);
    expect([guest.read(0), guest.read(1024)]).toEqual([1, 1025]);
  });

  it('is found at the highest gfn that a slot can have', () => {
    const bench = makeBench({ geometry: X86_64 });
    createMemslot(bench.agent, bench.vm, slotOf({ baseGfn: GFN_LIMIT - 1 }));
    bench.guests[0].write(GFN_LIMIT - 1, 42);
    expect(bench.guests[1].read(GFN_LIMIT - 1)).toBe(42);
  });
});

describe('an access where no memory is', () => {
  const BEYOND: [string, number, Parameters<typeof makeBench>[0]][] = [
    ['outside all slots', 9, {}],
    ['beyond what two levels of two bits can map', 16, {}],
    ['one table further', 16 + 3, {}],
    ['at the gfn of 32 ones', 0xffff_ffff, { geometry: X86_64 }],
    ['at the lowest gfn that no slot can have', GFN_LIMIT, { geometry: X86_64 }],
    ['at gfn 2^32, whose low bits are those of gfn 0', 2 ** 32, { geometry: X86_64 }],
    ['at a gfn that 4 x 9 cannot map', 2 ** 36 + 3, { geometry: X86_64 }],
  ];
  const withLowSlot = (options: Parameters<typeof makeBench>[0]): Bench => {
    const bench = makeBench(options);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
    for (let gfn = 0; gfn < 8; gfn++) bench.guests[0].write(gfn, 7);
    return bench;
  };

  it.each(BEYOND)('(%s) loads all ones', (_, gfn, options) => {
    expect(withLowSlot(options).guests.map((guest) => guest.read(gfn))).toEqual([-1, -1]);
  });

  it.each(BEYOND)('(%s) stores nothing, and says so', (_, gfn, options) => {
    const [guest] = withLowSlot(options).guests;
    expect([guest.write(gfn, 1), guest.read(0), guest.read(3)]).toEqual([false, 7, 7]);
  });

  it('is counted', () => {
    const bench = makeBench();
    bench.guests[0].read(3);
    expect(statsOf(bench)).toMatchObject({ pf_taken: 1, pf_emulate: 1 });
  });

  it('answers the same again and again, from another place each time', () => {
    const bench = makeBench();
    const [guest, other] = bench.guests;
    expect([guest.read(3), guest.read(3), other.read(3)]).toEqual([-1, -1, -1]);
  });

  it('fills no TLB', () => {
    const bench = makeBench();
    for (let n = 0; n < 3; n++) bench.guests[0].read(3);
    expect(statsOf(bench).tlb_fill).toBe(0);
  });
});

describe('an access where a device is', () => {
  const withDevice = () => {
    const bench = makeBenchWithSlot();
    const asked: unknown[] = [];
    const modes = () => asked.push(bench.agent.load32(modeAddress(0)) & MODE_STATE);
    bench.guests[0].vcpu.mmio = {
      read32(gpa) {
        modes();
        asked.push(gpa);
        return 0xffff_fffe;
      },
      write32(gpa, value) {
        modes();
        asked.push(gpa, value);
        return gpa < gpaOf(20);
      },
    };
    return { bench, guest: bench.guests[0], asked };
  };

  it('loads what the device says, as a signed number of 32 bits', () => {
    expect(withDevice().guest.read(17)).toBe(-2);
  });

  it('stores what the device takes, and says whether it did', () => {
    const { guest } = withDevice();
    expect([guest.write(17, 5), guest.write(21, 5)]).toEqual([true, false]);
  });

  it('tells the device the address and the value, outside the guest', () => {
    const { guest, asked } = withDevice();
    guest.write(17, 5, 2);
    expect(asked).toEqual([OUTSIDE_GUEST_MODE, gpaOf(17, 2), 5]);
  });

  it('asks the device each time', () => {
    const { guest, asked } = withDevice();
    for (let n = 0; n < 3; n++) guest.read(17);
    expect(asked.filter((value) => value === gpaOf(17)).length).toBe(3);
  });

  it('asks no device where memory is', () => {
    const { guest, asked } = withDevice();
    guest.write(3, 1);
    expect(asked).toEqual([]);
  });

  it('is in the guest again with the next access', () => {
    const { bench, guest } = withDevice();
    const { vm } = bench;
    read32(guest.mem, vm, guest.vcpu, gpaOf(17));
    read32(guest.mem, vm, guest.vcpu, gpaOf(3));
    expect(bench.agent.load32(modeAddress(0)) & MODE_STATE).toBe(IN_GUEST_MODE);
  });

  it('lets the device change the memslots', () => {
    const bench = makeBench();
    const [guest] = bench.guests;
    guest.vcpu.mmio = {
      read32: () => -1,
      write32: () => {
        createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
        return true;
      },
    };
    expect([guest.write(3, 1), guest.read(3)]).toEqual([true, 0]);
  });
});

describe('what a vCPU counts', () => {
  it('of a first touch is one slow fault and one TLB fill', () => {
    const bench = makeBenchWithSlot();
    bench.guests[0].write(3, 1);
    expect(statsOf(bench)).toMatchObject({ pf_taken: 1, pf_slow: 1, tlb_fill: 1 });
  });

  it('of a TLB hit is nothing', () => {
    const bench = makeBenchWithSlot();
    bench.guests[0].write(3, 1);
    const counted = { ...statsOf(bench) };
    bench.guests[0].write(3, 2);
    expect(statsOf(bench)).toEqual(counted);
  });

  it('of a page that another vCPU has mapped is a TLB fill', () => {
    const bench = makeBenchWithSlot();
    bench.guests[1].write(3, 1);
    bench.guests[0].read(3);
    expect(statsOf(bench)).toMatchObject({ pf_taken: 0, tlb_fill: 1 });
  });

  it.each(['current', 'merged'] as const)(
    'of a write after a harvest is a fast fault (%s)',
    (faultPath) => {
      const bench = makeBenchWithSlot(LOGGED, { faultPath });
      bench.guests[0].write(3, 1);
      harvest(bench);
      bench.guests[0].write(3, 2);
      expect(statsOf(bench)).toMatchObject({ pf_taken: 2, pf_fast: 1, pf_slow: 1, tlb_flush: 1 });
    },
  );

  it('of MMIO accesses is how each was answered', () => {
    const bench = makeBench();
    const [guest, other] = bench.guests;
    guest.read(3);
    for (const gfn of [3, 3]) other.read(gfn);
    createMemslot(bench.agent, bench.vm, slotOf({ baseGfn: 8 }));
    other.read(3);
    expect([statsOf(bench), other.vcpu.stat]).toMatchObject([
      { pf_emulate: 1, pf_mmio_spte_created: 1, mmio_cached: 0, mmio_fast: 0, mmio_stale: 0 },
      { pf_emulate: 3, pf_mmio_spte_created: 1, mmio_cached: 1, mmio_fast: 1, mmio_stale: 1 },
    ]);
  });

  it('of an MMIO spte that has gone is a retry, and then the fault again', () => {
    const bench = makeBench();
    const [guest, other] = bench.guests;
    other.read(3);
    const mem = before(guest.mem, { verb: 'load32', address: bench.vm.at.memslots }, () =>
      setSpte(bench, 3, SHADOW_NONPRESENT),
    );
    write32(mem, bench.vm, guest.vcpu, gpaOf(3), 1);
    expect(guest.vcpu.stat).toMatchObject({ pf_taken: 2, pf_retry: 1, pf_emulate: 1 });
  });

  it('of a write after a harvest is a slow fault where the VM has no fast path', () => {
    const bench = makeBenchWithSlot(LOGGED, { faultPath: 'slow' });
    bench.guests[0].write(3, 1);
    harvest(bench);
    bench.guests[0].write(3, 2);
    expect(statsOf(bench)).toMatchObject({ pf_fast: 0, pf_slow: 2 });
  });

  it('of a fault that another vCPU repaired first is a spurious one', () => {
    const bench = makeBenchWithSlot(LOGGED);
    const [guest, other] = bench.guests;
    for (const { write } of [guest, other]) write(3, 1);
    harvest(bench);
    guest.read(3);
    const vcpu = guest.vcpu;
    // The walk finds W clear; before the fault is handled another vCPU has set it.
    const mem = before(guest.mem, { verb: 'load64', skip: 2 }, () => other.write(3, 2));
    write32(mem, bench.vm, vcpu, gpaOf(3), 3);
    expect(vcpu.stat.pf_spurious).toBe(1);
  });

  it('of an exchange lost by merged is a fast retry', () => {
    const bench = makeBenchWithSlot(LOGGED, { faultPath: 'merged' });
    const [guest, other] = bench.guests;
    guest.write(3, 1);
    harvest(bench);
    const mem = before(guest.mem, { verb: 'cmpxchg64' }, () => other.write(3, 2));
    write32(mem, bench.vm, guest.vcpu, gpaOf(3), 3);
    expect(guest.vcpu.stat.pf_fast_retry).toBe(1);
  });

  it('of a fault that an invalidation overtook is a retry, and then the fault again', () => {
    const bench = makeBenchWithSlot();
    const [guest] = bench.guests;
    const mem = before(guest.mem, { verb: faultLock() }, () => {
      invalidateRangeStart(bench.agent, bench.vm, hvnOf(3), 1);
      invalidateRangeEnd(bench.agent, bench.vm, hvnOf(3), 1);
    });
    write32(mem, bench.vm, guest.vcpu, gpaOf(3), 3);
    expect(guest.vcpu.stat).toMatchObject({ pf_taken: 2, pf_retry: 1, pf_slow: 1 });
  });
});

describe('an access that is under way when its translation goes', () => {
  it('may still use it, because whoever asks for the flush waits for the vCPU', () => {
    const bench = makeBenchWithSlot();
    const [guest] = bench.guests;
    guest.write(3, 1);
    const flushes = guest.vcpu.stat.tlb_flush;
    const mem = before(guest.mem, { verb: 'guestLoad' }, () => {
      bench.agent.or32(requestsAddress(0), KVM_REQ_TLB_FLUSH);
    });
    expect([read32(mem, bench.vm, guest.vcpu, gpaOf(3)), guest.vcpu.stat.tlb_flush]).toEqual([
      1,
      flushes,
    ]);
  });

  it('that is a write to a page made read-only faults and is stored in a page of its own right', () => {
    const bench = makeBenchWithSlot();
    const [guest] = bench.guests;
    guest.write(3, 1);
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(3));
    guest.write(3, 2);
    expect(bench.guests[1].read(3)).toBe(2);
  });
});

describe('whoever observes the faults of a vCPU', () => {
  it('is told of the beginning and the end of each', () => {
    const bench = makeBenchWithSlot();
    const [guest] = bench.guests;
    const told: unknown[] = [];
    guest.vcpu.observer = { begin: () => told.push('begin'), end: () => told.push('end') };
    guest.write(3, 1);
    guest.write(3, 2);
    expect(told).toEqual(['begin', 'end']);
  });
});

describe('a vCPU that was not told to enter the guest', () => {
  it('enters it with its first access, so that a flush waits for it', () => {
    const bench = makeBenchWithSlot();
    bench.guests[1].write(3, 1);
    const vcpu = newVcpu(0);
    bench.agent.store32(requestsAddress(0), 0); // the slot's creation has asked for something
    read32(bench.mems[0] as (typeof bench.mems)[0], bench.vm, vcpu, gpaOf(3));
    expect(() => writeProtectHostPage(bench.agent, bench.vm, hvnOf(3))).toThrow('nobody is left');
  });
});
