import type { Shared } from '@faultline/atomics';
import { check } from '@faultline/checker';
import {
  clearSpteBits,
  HOST_PTE_WRITABLE,
  hostPtep,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_WRITABLE,
  type Vm,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { dropPage } from './host-acts.ts';
import { mergedPagesHold, noFreePageIsMapped, pageTableLaws } from './properties.ts';
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
