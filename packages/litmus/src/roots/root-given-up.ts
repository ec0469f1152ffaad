// Result: Never; with each of the mistakes below: Sometimes.
//
// All of the page table is to go: its root is given up, under a vCPU that stores by it, with its TLB and through its tables.
// Source: KVM's kvm_mmu_zap_all_fast(), KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, kvm_mmu_load().
import { makeRequest, type Shared, waitUntilSeen } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  invalidateRoot,
  KVM_REQ_MMU_FREE_OBSOLETE_ROOTS,
  requestAllVcpus,
  type Vcpu,
  type Vm,
  validRoot,
  zapInvalidRoot,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, isInGuest } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from '../races/emulated-writes.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hvn0, touch } from '../small-vm.ts';

interface Parts {
  readonly invalidate: (mem: Shared, vm: Vm) => void;
  /** What the vCPU does when it has emptied its TLB. */
  readonly onFlush?: (vcpu: Vcpu) => void;
  /** Are there tables between the root and the leaves? */
  readonly levels: 1 | 2;
}

const swapRoots = (mem: Shared, vm: Vm): void =>
  mem.store32(vm.at.mmu_valid_gen, mem.load32(vm.at.mmu_valid_gen) ^ 1);

const underLock =
  (act: (mem: Shared, vm: Vm) => void) =>
  (mem: Shared, vm: Vm): void => {
    mem.writeLock(vm.at.mmu_lock);
    act(mem, vm);
    mem.writeUnlock(vm.at.mmu_lock);
  };

/** And waits for nobody. */
const swapAndAsk = underLock((mem, vm) => {
  swapRoots(mem, vm);
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    makeRequest(mem, vcpu, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);
  }
});

const program = (name: string, { invalidate, onFlush, levels }: Parts): Program =>
  race({
    name,
    vm: {
      ...WITHOUT_MMIO_SPTES,
      geometry: { levels, indexBits: 1 },
      hostPages: 1,
      pageFrames: 1,
      pollInterval: 1,
    },
    setup: (mem, vm) => touch(mem, vm, gfn0),
    vcpus: [
      (mem, vm, vcpu) => {
        emulateSlowFaults(vcpu); // its slot is on its way out
        guestWrite(gfn0, 1)(mem, vm, vcpu);
        const translations = vcpu.tlb.slice();
        if (onFlush !== undefined) {
          vcpu.onFlush = () => {
            vcpu.tlb.set(translations);
            onFlush(vcpu);
          };
        }
        guestWrite(gfn0, 2)(mem, vm, vcpu);
        guestWrite(gfn0, 3)(mem, vm, vcpu);
      },
    ],
    agents: {
      vmm(mem, vm) {
        invalidate(mem, vm);
        const found = contentOf(mem, vm, hvn0);
        zapInvalidRoot(mem, vm);
        return found;
      },
    },
    finally: {
      'the page is as the VMM found it': (mem, vm, { vmm }) => contentOf(mem, vm, hvn0) === vmm,
    },
    sometimes: {
      'the root is given up under a vCPU in the guest': (mem, vm) =>
        isInGuest(mem, 0) && validRoot(mem, vm) === vm.roots[1],
      'a store arrives in time': (mem, vm) => contentOf(mem, vm, hvn0) === 2,
    },
    oops: 'a guest stores to memory that was taken from it',
  });

export const ROOT_GIVEN_UP: readonly Litmus[] = litmusesOf<Parts>({
  source: 'KVM: kvm_mmu_zap_all_fast(), KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, kvm_mmu_load()',
  rule:
    'Make the other root valid, then ask every vCPU to give up its own, and wait; a vCPU that serves this empties its TLB ' +
    'and loads the root that is valid.',
  links: [],
  program,
  holds: {
    'root-given-up': {
      title: 'The root of a page table is given up under a vCPU that stores by it',
      story:
        'Whoever gives up the root has seen every vCPU since: one in the guest has looked, given up the old root and its ' +
        'translations; one outside does so before it is in the guest again.',
      parts: { invalidate: underLock(invalidateRoot), levels: 1 },
    },
    'root-given-up-with-its-tables': {
      title: 'The tables under a root are freed when every vCPU has given it up',
      story:
        'The wait for the vCPUs is the grace period too: nobody walks from the old root after it, and the tables are freed with ' +
        'no flush and no other wait.',
      parts: { invalidate: underLock(invalidateRoot), levels: 2 },
    },
  },
  breaks: {
    'root-asks-before-it-swaps': {
      title: 'The vCPUs are asked to give up their root before another one is valid',
      violates: 'the page is as the VMM found it',
      story:
        'A vCPU serves the request at once: it empties its TLB and loads the root that is valid, which is the old one still. ' +
        'Nobody asks it again.',
      fix: 'Make the other root valid first.',
      parts: {
        invalidate: underLock((mem, vm) => {
          requestAllVcpus(mem, vm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);
          swapRoots(mem, vm);
        }),
      },
    },
    'root-not-waited-for': {
      title: 'The vCPUs are asked to give up their root, and not waited for',
      violates: 'the page is as the VMM found it',
      story:
        'The vCPU is in the guest and looks at its requests when it gets there; until then it stores.',
      fix: 'Wait until each has been seen: KVM_REQUEST_WAIT.',
      parts: { invalidate: swapAndAsk },
    },
    'root-frees-before-it-waits': {
      title: 'The tables under a root are freed first, and the vCPUs waited for afterwards',
      violates: 'use after free',
      story:
        'The vCPU has loaded the entry above when the request comes. The table that it leads to is freed, and hardware loads ' +
        'from it.',
      fix: 'Wait until each vCPU has been seen; nothing more is needed before the tables are freed.',
      parts: {
        levels: 2,
        invalidate(mem, vm) {
          swapAndAsk(mem, vm);
          zapInvalidRoot(mem, vm);
          for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) waitUntilSeen(mem, vcpu);
        },
      },
    },
    'root-keeps-its-translations': {
      title: 'A vCPU loads another root and keeps what its TLB has from the old one',
      violates: 'the page is as the VMM found it',
      story: 'The new root maps nothing, but the store does not get there: the TLB answers.',
      fix: 'Empty the TLB with the root; that is why nobody has to be flushed when the old one is zapped.',
      parts: { onFlush: () => {} },
    },
  },
});
