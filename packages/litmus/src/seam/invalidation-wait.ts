// Result: Never (it sleeps for ever); with each of the mistakes below: Sometimes.
//
// A slow fault meets an invalidation, and sleeps until it has ended.
// Source: mmu/src/fault/slow-page-fault.ts, waitForInvalidation().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { invalidateRangeEnd, invalidateRangeStart, RET_PF_FIXED, type Vm } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0 } from '../small-vm.ts';
import { faultUntilAnswered } from './fault-until-answered.ts';
import { waitingInWords } from './waiting-in-words.ts';
import { withoutNotify } from './without.ts';

interface Invalidation {
  /** So many begin before the first of them ends. */
  readonly open: number;
  readonly end: (mem: Shared, vm: Vm) => void;
}

const shipped: Invalidation = {
  open: 1,
  end: (mem, vm) => invalidateRangeEnd(mem, vm, hvn0, 1),
};

function program(name: string, { open, end }: Invalidation): Program {
  return race({
    name,
    vcpus: [(mem, vm, vcpu) => faultUntilAnswered(waitingInWords(mem), vm, vcpu, gfn0)],
    agents: {
      host(own, vm) {
        const mem = waitingInWords(own);
        for (let begun = 0; begun < open; begun++) invalidateRangeStart(mem, vm, hvn0, 1);
        for (let ended = 0; ended < open; ended++) end(mem, vm);
      },
    },
    finally: { 'the page is mapped': (_mem, _vm, { vcpu0 }) => vcpu0 === RET_PF_FIXED },
    sometimes: {
      'an invalidation is under way': (mem, vm) =>
        mem.load32(vm.at.mmu_invalidate_in_progress) === open,
    },
  });
}

export const INVALIDATION_WAIT: readonly Litmus[] = litmusesOf({
  source:
    'mmu/src/fault/slow-page-fault.ts, waitForInvalidation(); KVM faults again and again instead (d02c357e5bfa)',
  rule: 'The end counts down, then wakes everybody; the fault sleeps while the count is what it saw.',
  links: [],
  program,
  holds: {
    'invalidation-wait': {
      title: 'A fault meets the invalidation of its page',
      story:
        'It sleeps on the count that it saw, so that any change of it wakes the fault or keeps it awake.',
      parts: shipped,
    },
    'invalidation-wait-two': {
      title: 'A fault meets two invalidations of its page, one begun within the other',
      story:
        'The first end wakes the fault, which finds the second still under way, and sleeps again.',
      parts: { ...shipped, open: 2 },
    },
  },
  breaks: {
    'invalidation-ends-quietly': {
      title: 'The end of an invalidation wakes nobody',
      violates: 'lost wakeup',
      story: 'The fault has gone to sleep on a count that is 0 by now.',
      fix: 'Notify after the count.',
      parts: {
        end: (mem, vm) =>
          invalidateRangeEnd(withoutNotify(mem, vm.at.mmu_invalidate_in_progress), vm, hvn0, 1),
      },
    },
    'invalidation-wakes-too-early': {
      title: 'The end wakes the faults that sleep, then counts down',
      violates: 'lost wakeup',
      story:
        'A fault that looks between the two sees the invalidation still under way, and sleeps with nobody to wake it.',
      fix: 'Count down first.',
      parts: {
        end(mem, vm) {
          mem.notify(vm.at.mmu_invalidate_in_progress);
          invalidateRangeEnd(withoutNotify(mem, vm.at.mmu_invalidate_in_progress), vm, hvn0, 1);
        },
      },
    },
  },
});
