import { createAlone } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { getDirtyLog } from '../src/dirty/harvest.ts';
import { hostPtePfn } from '../src/host/host-pte.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from '../src/host/ksm.ts';
import { seamSize } from '../src/memory-map.ts';
import { read32, write32 } from '../src/vcpu/access.ts';
import { leaveGuest } from '../src/vcpu/run.ts';
import { newVcpu } from '../src/vcpu/vcpu.ts';
import { initVm, vmConfig } from '../src/vm/create-vm.ts';
import { createMemslot, deleteMemslot, setMemslotFlags } from '../src/vm/set-memory-region.ts';
import { gpaOf, hvnOf, LOGGED, slotOf, usedMmu } from './fixture.ts';

/** An emulator's way: no SharedArrayBuffer, and the vCPU's own thread, outside the guest, is the VMM too. */
function makeAlone() {
  const config = vmConfig({ mmu: usedMmu(), vcpus: 1, hostPages: 16, pageWords: 4 });
  const mem = createAlone(seamSize(config));
  const vm = initVm(mem, config, mem.memory.map);
  const vcpu = newVcpu(0);
  createMemslot(mem, vm, slotOf({ npages: 8 }));
  const access = <Result>(result: Result): Result => {
    leaveGuest(mem, vcpu);
    return result;
  };
  return {
    mem,
    vm,
    write: (gfn: number, value: number) => access(write32(mem, vm, vcpu, gpaOf(gfn), value)),
    read: (gfn: number) => access(read32(mem, vm, vcpu, gpaOf(gfn))),
  };
}

describe('a VM whose vCPU and VMM are one thread', () => {
  it('has a slot that is created after its first access', () => {
    const { mem, vm, write, read } = makeAlone();
    write(3, 1);
    createMemslot(mem, vm, slotOf({ id: 1, baseGfn: 8, npages: 8, hvn: 8 }));
    write(9, 5);
    expect(read(9)).toBe(5);
  });

  it('logs what is written after the log was switched on', () => {
    const { mem, vm, write } = makeAlone();
    write(3, 1);
    setMemslotFlags(mem, vm, 0, LOGGED);
    write(3, 2);
    expect(getDirtyLog(mem, vm, 0)).toBe(1);
  });

  it('logs a page again that is written after a harvest', () => {
    const { mem, vm, write } = makeAlone();
    setMemslotFlags(mem, vm, 0, LOGGED);
    write(3, 1);
    getDirtyLog(mem, vm, 0);
    write(3, 2);
    expect(getDirtyLog(mem, vm, 0)).toBe(1);
  });

  it('has no memory where a slot was deleted', () => {
    const { mem, vm, write, read } = makeAlone();
    write(3, 1);
    deleteMemslot(mem, vm, 0);
    expect([read(3), write(3, 1)]).toEqual([-1, false]);
  });

  it('keeps merged pages apart when one is written', () => {
    const { mem, vm, write, read } = makeAlone();
    for (const gfn of [3, 4]) write(gfn, 7);
    const kept = writeProtectHostPage(mem, vm, hvnOf(3));
    makeKsmPage(mem, vm, hvnOf(3), kept);
    const other = writeProtectHostPage(mem, vm, hvnOf(4));
    mergeWithKsmPage(mem, vm, hvnOf(4), other, hostPtePfn(kept));
    write(4, 8);
    expect([read(3), read(4)]).toEqual([7, 8]);
  });
});
