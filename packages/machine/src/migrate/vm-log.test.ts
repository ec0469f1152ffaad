// A guest with each log that the MMU has, copied page by page while it writes.
import { connectThread, createSharedMemory, type WasmShared } from '@faultline/atomics';
import {
  createMemslot,
  type Gfn,
  type Gpa,
  type Hvn,
  harvestRings,
  initVm,
  leaveGuest,
  newVcpu,
  PAGE_SIZE,
  resetDirtyRings,
  seamSize,
  type Vm,
  type VmConfig,
  vmConfig,
  write32,
} from '@faultline/mmu';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceGuest } from './guest.ts';
import { vmGuest, vmMemory } from './vm-guest.ts';

const PAGES = 130;

const LOGS: Readonly<Record<string, Partial<VmConfig>>> = {
  bitmap: {},
  manual: { manualDirtyLogProtect: 'enable' },
  'initially set': { manualDirtyLogProtect: 'initially-set' },
  ring: { dirtyRing: 8 },
  'A/D bits': { pml: true },
  'write protection': { adBits: false },
  'manual, legacy MMU': { manualDirtyLogProtect: 'enable', mmu: 'legacy' },
};

interface Bench {
  readonly mem: WasmShared;
  readonly vm: Vm;
  readonly guest: SourceGuest;
  write(page: number, value: number): void;
  /** What `guest` tells of. */
  harvested(): number[];
  /** The first word of a page as `guest` gives it. */
  copy(page: number): number;
}

function bench(options: Partial<VmConfig>): Bench {
  const config = vmConfig({ vcpus: 1, hostPages: PAGES, dirtyClients: 2, ...options });
  const memory = createSharedMemory(seamSize(config));
  const mem = connectThread(memory, 1);
  const vm = initVm(mem, config, memory.map);
  createMemslot(mem, vm, {
    id: 0,
    baseGfn: 0 as Gfn,
    npages: PAGES,
    hvn: 0 as Hvn,
    flags: 0,
  });
  const vcpuMem = connectThread(memory, 0);
  const vcpu = newVcpu(0);
  const guest = vmGuest(mem, vm, { client: 1 });
  const page = new Uint8Array(PAGE_SIZE);
  return {
    mem,
    vm,
    guest,
    write(hvn, value) {
      // Before the last place is taken: the only thread would sleep with its ring full.
      if (vm.dirtyRing === 8) {
        harvestRings(mem, vm);
        resetDirtyRings(mem, vm);
      }
      write32(vcpuMem, vm, vcpu, (hvn * PAGE_SIZE) as Gpa, value);
      leaveGuest(vcpuMem, vcpu);
    },
    harvested() {
      const pages: number[] = [];
      guest.harvest((hvn) => pages.push(hvn));
      return pages;
    },
    copy(hvn) {
      const isThere = guest.copyPage(hvn, page, 0);
      return isThere ? new DataView(page.buffer).getUint32(0, true) : 0;
    },
  };
}

describe.each(Object.entries(LOGS))('a guest whose log is: %s', (_, options) => {
  it('loses no store, whenever it comes', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ write: fc.nat({ max: PAGES - 1 }) }) },
      { weight: 3, arbitrary: fc.constant('copy' as const) },
      { weight: 1, arbitrary: fc.constant('harvest' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
        const { guest, write, harvested, copy } = bench(options);
        const [source, destination] = [new Uint32Array(PAGES), new Uint32Array(PAGES)];
        let dirty = Array.from({ length: PAGES }, (_, page) => page);
        const copyNext = (): void => {
          const page = dirty.shift();
          if (page !== undefined) destination[page] = copy(page);
        };
        write(7, 1);
        source[7] = 1;
        guest.startLogging();
        for (const [value, what] of steps.entries()) {
          if (what === 'copy') copyNext();
          else if (what === 'harvest') dirty = [...new Set([...dirty, ...harvested()])];
          else {
            write(what.write, value + 2);
            source[what.write] = value + 2;
          }
        }
        dirty = [...new Set([...dirty, ...harvested()])];
        while (dirty.length > 0) copyNext();
        expect(destination).toEqual(source);
      }),
      { numRuns: 40 },
    );
  });

  it('is told of once when it is written once, and sent', () => {
    const { guest, write, harvested, copy } = bench(options);
    guest.startLogging();
    for (let page = 0; page < PAGES; page++) copy(page);
    harvested();
    for (let page = 0; page < PAGES; page++) copy(page);
    write(5, 1);
    write(5, 2);
    expect(harvested()).toEqual([5]);
    copy(5);
    expect(harvested()).toEqual([]);
  });

  it('has told of nothing twice in the first round when nothing is written in it', () => {
    const { guest, harvested, copy } = bench(options);
    guest.startLogging();
    for (let page = 0; page < PAGES; page++) copy(page);
    expect(harvested()).toEqual([]);
  });
});

describe('in the other order a store is lost', () => {
  it('of a page that is read and then cleared', () => {
    const { mem, vm, guest, write, harvested, copy } = bench({ manualDirtyLogProtect: 'enable' });
    guest.startLogging();
    write(3, 1);
    expect(harvested()).toEqual([3]);
    const page = new Uint8Array(PAGE_SIZE);
    vmMemory(mem, vm).copyPage(3, page, 0);
    write(3, 2); // it may be written still: nobody marks it
    copy(3); // clears
    expect([new DataView(page.buffer).getUint32(0, true), harvested()]).toEqual([1, []]);
  });

  it('of a page that is read by the ring, which is then reset', () => {
    const { mem, vm, guest, write } = bench({ dirtyRing: 64 });
    guest.startLogging();
    write(3, 1);
    const page = new Uint8Array(PAGE_SIZE);
    const told: number[] = [];
    const visit = (_: number, offset: number): void => {
      told.push(offset);
      vmMemory(mem, vm).copyPage(offset, page, 0);
    };
    harvestRings(mem, vm, visit);
    write(3, 2);
    resetDirtyRings(mem, vm);
    harvestRings(mem, vm, visit);
    expect([new DataView(page.buffer).getUint32(0, true), told]).toEqual([1, [3]]);
  });
});

describe('a log that is cleared for a page', () => {
  it('keeps what nobody has been told of', () => {
    const { guest, write, harvested, copy } = bench({ manualDirtyLogProtect: 'enable' });
    guest.startLogging();
    write(3, 1);
    harvested();
    write(4, 1);
    copy(3);
    expect(harvested()).toEqual([4]);
  });
});
