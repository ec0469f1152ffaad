// Result: Sometimes; with a flag that only the merging thread sets: Never.
//
// ksmd compares a host pte with the one that it protected, while the VMM takes and gives back the right to write.
// Source: mmu/src/host/ksm.ts.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  HOST_PTE_PROTECTED,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtep,
  invalidateRangeEnd,
  invalidateRangeStart,
  protectPages,
  unprotectPages,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import { merge, type Protect } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, mergedPagesHold, pageIsMerged } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, guestWrite, hostPte, hvn0, inGuest, touch } from '../small-vm.ts';

const BEFORE = 7;
const A_MERGED_PAGE = 'a merged page never changes';

const withoutFlag: Protect = (mem: Shared, vm: Vm, hvn: Hvn) => {
  invalidateRangeStart(mem, vm, hvn, 1);
  const pte = mem.and32(hostPtep(vm, hvn), ~HOST_PTE_WRITABLE) & ~HOST_PTE_WRITABLE;
  invalidateRangeEnd(mem, vm, hvn, 1);
  return pte;
};

/** A VMM's thread between two runs of its vCPU. */
const writeAndProtect: VcpuBody = (mem, vm, vcpu) => {
  inGuest(mem, vm, vcpu, guestWrite(gfn0, 1));
  protectPages(mem, vm, hvn0, 1);
  unprotectPages(mem, vm, hvn0, 1);
};

const program = (name: string, { protect }: { readonly protect: Protect }): Program =>
  race({
    name,
    setup: (mem, vm) => touch(mem, vm, gfn0, BEFORE),
    vcpus: [{ outside: writeAndProtect }],
    agents: { ksmd: merge(hvn0, BEFORE, protect) },
    always: { [A_MERGED_PAGE]: mergedPagesHold(BEFORE) },
    sometimes: {
      'the page is merged': pageIsMerged(hvn0),
      'the page is read-only again after the store': (mem, vm) =>
        (hostPte(mem, vm, hvn0) & (HOST_PTE_WRITABLE | HOST_PTE_PROTECTED)) === 0 &&
        contentOf(mem, vm, hvn0) === 1,
    },
    finally: { 'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1 },
    oops: 'what others share is not what was compared',
  });

export const MERGES_WHAT_CAME_BACK: readonly Litmus[] = litmusesOf({
  source: 'mmu/src/host/ksm.ts; Linux: pages are locked and their references counted instead',
  rule: 'The protected entry carries a flag that nobody else sets and every write takes off.',
  links: [],
  program,
  holds: {
    'ksm-beside-mprotect': {
      title: 'ksmd merges a page that the VMM makes read-only and writable again meanwhile',
      story:
        'The guest writes the page in between. The entry that ksmd finds is read-only too, but without the flag.',
      parts: { protect: writeProtectHostPage },
    },
  },
  breaks: {
    'merges-what-came-back': {
      title: 'ksmd compares an entry that others can bring back',
      violates: A_MERGED_PAGE,
      story:
        'ksmd protects the page and compares its content; the guest writes it; the VMM takes W and lifts its own ' +
        'protection: the entry is again what ksmd has seen, and the written page is merged.',
      fix: 'Mark the entry.',
      parts: { protect: withoutFlag },
    },
  },
});
