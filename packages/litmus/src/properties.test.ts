import type { Shared } from '@faultline/atomics';
import { check } from '@faultline/checker';
import {
  allocPage,
  clearSpteBits,
  HOST_PTE_WRITABLE,
  hostPtep,
  type Pfn,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_WRITABLE,
  tryGetPage,
  type Vm,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { dropPage, movePage } from './host-acts.ts';
import {
  framesAreAccountedFor,
  mergedPagesHold,
  noFreePageIsMapped,
  pageTableLaws,
} from './properties.ts';
import { race } from './setting.ts';
import { gfn0, hvn0, leafAt, touch } from './small-vm.ts';

const always = {
  ...pageTableLaws,
  'no free page is mapped': noFreePageIsMapped,
  'a merged page never changes': mergedPagesHold(7),
};

/** The property that fails when somebody does `wrong` to a VM whose page 0 holds 7 and is mapped writable. */
const brokenBy = (wrong: (mem: Shared, vm: Vm) => unknown): string | undefined =>
  check(
    race({
      name: 'wrong',
      setup: (mem, vm) => touch(mem, vm, gfn0, 7),
      vcpus: [{ outside: () => {} }],
      agents: { wrong },
      always,
      finally: { 'every frame has the references of its users': framesAreAccountedFor() },
    }),
  ).violation?.property;

const withoutBits = (bits: number) => (mem: Shared, vm: Vm) =>
  clearSpteBits(mem, { sptep: leafAt(vm, gfn0), gfn: gfn0, level: 1 }, bits);

describe('the laws of a page table', () => {
  it('hold of a page that is mapped writable', () => {
    expect(brokenBy(() => {})).toBeUndefined();
  });

  it('miss MMU_WRITABLE under W', () => {
    expect(brokenBy(withoutBits(SPTE_MMU_WRITABLE))).toBe('W implies MMU-writable');
  });

  it('miss HOST_WRITABLE under MMU_WRITABLE', () => {
    expect(brokenBy(withoutBits(SPTE_HOST_WRITABLE))).toBe('MMU-writable implies host-writable');
  });

  it('see a host that takes its right back and tells nobody', () => {
    expect(brokenBy((mem, vm) => mem.and32(hostPtep(vm, hvn0), ~HOST_PTE_WRITABLE))).toBe(
      'no leaf grants what the host does not',
    );
  });

  it('hold when the host drops a page and tells the MMU', () => {
    expect(brokenBy((mem, vm) => dropPage(mem, vm, hvn0))).toBeUndefined();
  });
});

describe('the frames of the host', () => {
  const law = 'every frame has the references of its users';

  it('are accounted for when a page moves', () => {
    expect(brokenBy((mem, vm) => movePage(mem, vm, hvn0))).toBeUndefined();
  });

  it('miss a reference that is never given back', () => {
    expect(brokenBy((mem, vm) => tryGetPage(mem, vm, 0 as Pfn))).toBe(law);
  });

  it('miss a frame that nobody has and nobody gave back', () => {
    expect(brokenBy((mem, vm) => void allocPage(mem, vm))).toBe(law);
  });

  it('miss a frame that is free twice', () => {
    expect(
      brokenBy((mem, vm) => {
        const free = mem.load32(vm.at.free_pages);
        mem.store32(vm.at.free_pages + 4 + free * 4, 1);
        mem.store32(vm.at.free_pages, free + 1);
      }),
    ).toBe(law);
  });
});
