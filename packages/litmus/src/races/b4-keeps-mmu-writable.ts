// Result: Sometimes; on the fast path of 2012, which asks for both: Never; with both bits cleared: Never.
//
// A notifier makes an spte read-only because the host's page is, and clears HOST_WRITABLE but not MMU_WRITABLE; the fast
// path of today asks only for the latter.
// Source: KVM commit f082d86ea685 (January 2022).
import type { Shared } from '@faultline/atomics';
import {
  clearSpteBits,
  type FaultPath,
  flushRemoteTlbs,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtep,
  PT_WRITABLE_MASK,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_WRITABLE,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hostPte, hvn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { protectAndRead, protectedPageStandsStill } from './protected-page.ts';
import { leafEntry } from './write-track.ts';

/** Which bits the notifier clears, and which fast path there is. */
interface Part {
  readonly bits: number;
  readonly faultPath: FaultPath;
}

/** Host page 0 and the spte of gfn 0 lose W, the spte without a zap. KVM: change_pte(), until 6.10. */
const writeProtectByChangePte =
  (bits: number) =>
  (mem: Shared, vm: Vm, hvn: Hvn): number => {
    mem.lock(vm.at.host_page_table_lock);
    const pte = mem.and32(hostPtep(vm, hvn), ~HOST_PTE_WRITABLE) & ~HOST_PTE_WRITABLE;
    mem.writeLock(vm.at.mmu_lock);
    mem.add32(vm.at.mmu_invalidate_seq, 1);
    clearSpteBits(mem, leafEntry(vm, gfn0), bits);
    flushRemoteTlbs(mem, vm);
    mem.writeUnlock(vm.at.mmu_lock);
    mem.unlock(vm.at.host_page_table_lock);
    return pte;
  };

const KEPT = PT_WRITABLE_MASK | SPTE_HOST_WRITABLE;

const [broken, repaired] = brokenAndRepaired<Part>({
  name: 'b4-keeps-mmu-writable',
  title: 'KSM protects a page by change_pte, and a vCPU repairs its write fault on the fast path',
  violates: 'a protected page stands still',
  source: 'KVM commit f082d86ea685 (January 2022)',
  story:
    'change_pte() wrote the new spte with W and HOST_WRITABLE clear, and left MMU_WRITABLE set. As long as the fast path ' +
    'asked for both bits that was harmless. Then it came to rely on MMU_WRITABLE alone: the race of the review of 2012 ' +
    'was back. KSM compares a page that the guest is writing, and merges it.',
  fix: 'Clear MMU_WRITABLE too, and assert that MMU_WRITABLE never stands without HOST_WRITABLE.',
  links: ['https://git.kernel.org/linus/f082d86ea685'],
  broken: { bits: KEPT, faultPath: 'current' },
  repaired: { bits: KEPT | SPTE_MMU_WRITABLE, faultPath: 'current' },
  make,
});

function make(name: string, { bits, faultPath }: Part) {
  return race({
    name,
    vm: { faultPath },
    setup: (mem, vm) => touch(mem, vm, gfn0),
    vcpus: [guestWrite(gfn0, 1)],
    agents: { ksmd: protectAndRead(writeProtectByChangePte(bits)) },
    finally: { 'a protected page stands still': protectedPageStandsStill },
    sometimes: {
      'the host page is protected before the spte': (mem, vm) =>
        (hostPte(mem, vm, hvn0) & HOST_PTE_WRITABLE) === 0 && leafIsWritable(mem, vm, gfn0),
    },
    oops: 'KSM shares a page that a guest is writing',
  });
}

export const KEEPS_MMU_WRITABLE: readonly Litmus[] = [
  broken,
  repaired,
  {
    ...repaired,
    name: 'b4-keeps-mmu-writable-2012',
    title: 'The same notifier, and the fast path of 2012, which asks for both bits',
    pair: broken.name,
    story:
      'fast_page_fault() of July 2012 asks for HOST_WRITABLE and MMU_WRITABLE: the missing bit does no harm.',
    program: () => make('b4-keeps-mmu-writable-2012', { bits: KEPT, faultPath: 'merged' }),
  },
];
