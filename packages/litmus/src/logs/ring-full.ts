// Result: Never (it sleeps for ever); with each of the mistakes below: Sometimes.
//
// A vCPU whose dirty ring is as good as full sleeps until the rings were reset.
// Source: KVM: kvm_dirty_ring_check_request().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  harvestRings,
  isDirtyRingSoftFull,
  resetDirtyRings,
  resetIndex,
  type Vm,
  waitForReset,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { waitingInWords } from '../seam/waiting-in-words.ts';
import { withoutNotify } from '../seam/without.ts';
import { race } from '../setting.ts';
import { noteInRing } from './ring.ts';

interface FullRing {
  readonly wait: (mem: Shared, vm: Vm) => void;
  readonly reset: (mem: Shared, vm: Vm) => void;
}

const shipped: FullRing = {
  wait: (mem, vm) => waitForReset(mem, vm, 0),
  reset: (mem, vm) => {
    resetDirtyRings(mem, vm);
  },
};

const program = (name: string, { wait, reset }: FullRing): Program =>
  race({
    name,
    vm: { dirtyRing: 2 },
    setup: (mem, vm) => noteInRing(mem, vm, 0),
    vcpus: [{ outside: (mem, vm) => wait(waitingInWords(mem), vm) }],
    agents: {
      vmm(own, vm) {
        const mem = waitingInWords(own);
        harvestRings(mem, vm);
        reset(mem, vm);
      },
    },
    finally: { 'the ring has room': (mem, vm) => !isDirtyRingSoftFull(mem, vm, 0) },
    sometimes: { 'the ring is full': (mem, vm) => isDirtyRingSoftFull(mem, vm, 0) },
  });

export const RING_FULL: readonly Litmus[] = litmusesOf({
  source: 'mmu/src/dirty/dirty-ring.ts, waitForReset(); KVM: kvm_dirty_ring_check_request()',
  rule: 'The reset moves the index, then wakes; the vCPU sleeps while the index is the one that it judged.',
  links: [],
  program,
  holds: {
    'ring-full': {
      title: 'A vCPU waits for a reset of its ring',
      story:
        'It sleeps on the index by which it found the ring full: a reset meanwhile keeps it awake.',
      parts: shipped,
    },
  },
  breaks: {
    'ring-sleeps-too-late': {
      title: 'The vCPU finds its ring full, then looks at the index to sleep on',
      violates: 'lost wakeup',
      story:
        'A reset between the two has moved the index. The vCPU sleeps on the new one, and no other reset comes.',
      fix: 'Judge and sleep by one value.',
      parts: {
        wait(mem, vm) {
          if (!isDirtyRingSoftFull(mem, vm, 0)) return;
          mem.waitWhile(resetIndex(vm, 0), mem.load32(resetIndex(vm, 0)));
        },
      },
    },
    'ring-reset-quietly': {
      title: 'The reset wakes nobody',
      violates: 'lost wakeup',
      story: 'The vCPU has gone to sleep, and its ring has room by now.',
      fix: 'Notify after the index.',
      parts: {
        reset(mem, vm) {
          resetDirtyRings(withoutNotify(mem, resetIndex(vm, 0)), vm);
        },
      },
    },
  },
});
