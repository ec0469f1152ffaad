import { modeAddress } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  faultAndLeave,
  faultAt,
  flagsOf,
  gpaOf,
  hostPteOf,
  LOGGED,
  lastSpte,
  makeBench,
  operationsOf,
  pagesIn,
  READONLY,
  slotOf,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { pageFault } from '../fault/page-fault.ts';
import { RET_PF_EMULATE } from '../fault/ret-pf.ts';
import { isHostPteWritable } from '../host/host-pte.ts';
import { isMmioSpte } from '../spte/spte.ts';
import { createMemslot, deleteMemslot, moveMemslot, setMemslotFlags } from './set-memory-region.ts';

/** A ROM of four pages: the VMM has put 7 into the second of them. */
const withRom = (flags = 0): Bench => {
  const bench = makeBench();
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 4 }));
  bench.guests[0].write(1, 7);
  deleteMemslot(bench.agent, bench.vm, 0);
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 4, flags: READONLY | flags }));
  return bench;
};
/** A VMM that notes what it is asked to store. */
const listening = (bench: Bench): string[] => {
  const said: string[] = [];
  bench.guests[0].vcpu.mmio = {
    read32: () => 0,
    write32: (gpa, value) => said.push(`${gpa}=${value}`) > 0,
  };
  return said;
};

describe('a read of a read-only memslot', () => {
  it('finds what is there', () => {
    expect(withRom().guests.map((guest) => guest.read(1))).toEqual([7, 7]);
  });

  it('maps it without the host’s right to write, though the host would give it', () => {
    const bench = withRom();
    bench.guests[0].read(1);
    expect([flagsOf(bench, 1), isHostPteWritable(hostPteOf(bench, 1))]).toEqual(['825', true]);
  });

  it('marks nothing in its log', () => {
    const bench = withRom(LOGGED);
    bench.guests[0].read(1);
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([]);
  });
});

describe('a write to a read-only memslot', () => {
  it.each([
    ['that is mapped', true],
    ['that is not mapped', false],
  ])('%s is for the VMM, on the slow path', (_, mapped) => {
    const bench = withRom();
    if (mapped) bench.guests[0].read(1);
    expect(faultAndLeave(bench, 1)).toEqual({ ret: RET_PF_EMULATE, fast: false });
  });

  it('reaches the device model with its address and its value, and no memory', () => {
    const bench = withRom();
    const said = listening(bench);
    expect(bench.guests[0].write(1, 9, 2)).toBe(true);
    expect([said, bench.guests[1].read(1, 2)]).toEqual([[`${gpaOf(1, 2)}=9`], 0]);
  });

  it('is nobody’s where there is no device model', () => {
    expect(withRom().guests[0].write(1, 9)).toBe(false);
  });

  it('takes no lock, no reference and nothing from the host', () => {
    const bench = withRom();
    const verbs = operationsOf(bench.mems[0] as Bench['agent'], (mem) =>
      faultAndLeave(bench, 1, { mem }),
    ).map(({ verb }) => verb);
    expect(verbs.filter((verb) => /lock|add32|cmpxchg|or32/i.test(verb))).toEqual([]);
  });

  it('leaves no MMIO spte, so that reads stay reads', () => {
    const bench = withRom();
    bench.guests[0].write(1, 9);
    const { low, high } = lastSpte(bench, 1);
    expect([isMmioSpte(low, high), bench.guests[0].read(1)]).toEqual([false, 7]);
  });

  it('leaves the vCPU no MMIO cache', () => {
    const bench = withRom();
    bench.guests[0].write(1, 9);
    expect(bench.guests[0].vcpu.fault.mmio).toMatchObject({ gfn: -1, generation: -1 });
  });

  it('is answered before the vCPU is seen outside: who takes the slot away waits for it', () => {
    const bench = withRom();
    const fault = faultAt(bench, 1, undefined);
    const verbs = operationsOf(bench.mems[0] as Bench['agent'], (mem) =>
      pageFault(mem, bench.vm, fault, gpaOf(1), 7),
    );
    expect(verbs.filter(({ address }) => address === modeAddress(0))).toEqual([]);
  });
});

describe('the flags of a memslot', () => {
  const plain = (): Bench => {
    const bench = makeBench();
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 4 }));
    return bench;
  };

  it('do not make it read-only', () => {
    const { agent, vm } = plain();
    expect(() => setMemslotFlags(agent, vm, 0, READONLY)).toThrow(
      new RangeError(
        'expected slot 0 to stay without KVM_MEM_READONLY, got flags 0x2; delete it and create it anew',
      ),
    );
  });

  it('do not make it writable', () => {
    const { agent, vm } = withRom();
    expect(() => setMemslotFlags(agent, vm, 0, LOGGED)).toThrow(
      new RangeError(
        'expected slot 0 to stay with KVM_MEM_READONLY, got flags 0x1; delete it and create it anew',
      ),
    );
  });

  it('may switch the log of a read-only one, which protects nothing: nothing of it is writable', () => {
    const bench = withRom();
    bench.guests[0].read(1);
    const flushes = operationsOf(bench.agent, (mem) =>
      setMemslotFlags(mem, bench.vm, 0, READONLY | LOGGED),
    ).filter(({ verb }) => verb === 'writeLock' || verb === 'or32');
    expect([flushes, getDirtyLog(bench.agent, bench.vm, 0)]).toEqual([[], 0]);
  });

  it('stay when it moves', () => {
    const bench = withRom();
    moveMemslot(bench.agent, bench.vm, 0, 8 as never);
    expect([bench.guests[0].write(9, 1), bench.guests[0].read(9)]).toEqual([false, 7]);
  });
});
