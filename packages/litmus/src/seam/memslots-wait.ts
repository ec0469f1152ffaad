// Result: Never (it sleeps for ever); when whoever publishes the slots wakes nobody: Sometimes.
//
// A slow fault finds its memslot marked as on its way out, and sleeps until the slots have changed.
// Source: mmu/src/fault/slow-page-fault.ts, waitForMemslots().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  installMemslots,
  KVM_MEMSLOT_INVALID,
  RET_PF_EMULATE,
  RET_PF_FIXED,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0 } from '../small-vm.ts';
import { faultUntilAnswered } from './fault-until-answered.ts';
import { withOneSlot } from './one-slot.ts';
import { waitingInWords } from './waiting-in-words.ts';
import { withoutNotify } from './without.ts';

interface Publication {
  readonly install: typeof installMemslots;
}

/** What deleteMemslot() does to the slots; what it does to the page table is nobody's business here. */
function deleteSlot(mem: Shared, vm: Vm, { install }: Publication): void {
  const slot = { id: 0, baseGfn: gfn0, npages: 1, hvn: hvn0, flags: KVM_MEMSLOT_INVALID };
  mem.lock(vm.at.slots_lock);
  install(mem, vm, [slot]);
  mem.again();
  install(mem, vm, []);
  mem.unlock(vm.at.slots_lock);
}

const program = (name: string, parts: Publication): Program =>
  race({
    name,
    // Where no memory is found, the fault is over: what it would leave there is another litmus's.
    vm: { mmioCaching: false },
    vcpus: [(mem, vm, vcpu) => faultUntilAnswered(waitingInWords(mem), vm, vcpu, gfn0)],
    agents: { vmm: (mem, vm) => deleteSlot(withOneSlot(waitingInWords(mem), vm), vm, parts) },
    finally: {
      'the page is mapped, or there is none': (_mem, _vm, { vcpu0 }) =>
        vcpu0 === RET_PF_FIXED || vcpu0 === RET_PF_EMULATE,
    },
    sometimes: { 'the slot is on its way out': (mem, vm) => mem.load32(vm.at.memslots) === 4 },
  });

export const MEMSLOTS_WAIT: readonly Litmus[] = litmusesOf({
  source:
    'mmu/src/fault/slow-page-fault.ts, waitForMemslots(); KVM: RET_PF_RETRY on KVM_MEMSLOT_INVALID',
  rule: 'Publish, then wake; the fault sleeps while the generation is the one that it read.',
  links: [],
  program,
  holds: {
    'memslots-wait': {
      title: 'A fault meets the deletion of its memslot',
      story:
        'The fault sleeps until the next generation is published, reads the slots anew, and finds no memory.',
      parts: { install: installMemslots },
    },
  },
  breaks: {
    'memslots-published-quietly': {
      title: 'Whoever publishes the memslots wakes nobody',
      violates: 'lost wakeup',
      story: 'The fault sleeps on a generation that has passed.',
      fix: 'Notify after the store.',
      parts: {
        install: (mem, vm, slots) => installMemslots(withoutNotify(mem, vm.at.memslots), vm, slots),
      },
    },
  },
});
