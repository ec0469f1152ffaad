// Result: Sometimes
//
// The reviewer's fast path with the new value as typed in the mail: it clears W, and repairs nothing.
// Source: the review of the first patchset, April 2012 (Avi Kivity).
import { RET_PF_FIXED } from '@faultline/mmu';
import { sketchAsTyped } from '../historical/sketch.ts';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, harvestAll, leafAt, touch } from '../small-vm.ts';

export const sketchAsTypedLitmus: Litmus = {
  name: 'sketch-as-typed',
  title: "The reviewer's fast path as typed: its cmpxchg clears W.",
  result: 'Sometimes',
  violates: 'what is fixed can be written',
  source: 'linux-kvm, April 2012: "new_spte = spte & ~(PT64_MAY_ALLOW_WRITES | PT_WRITABLE_MASK)"',
  story:
    'The fast path answers that it has repaired the fault, and has taken away what allowed the repair. The guest faults ' +
    'again, and the slow path does the work: safe, and useless.',
  fix: 'W set instead of cleared.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'sketch-mark-last',
  program: () =>
    race({
      name: 'sketch-as-typed',
      setup: (mem, vm) => {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
      },
      vcpus: [
        (mem, vm, { fault }) => {
          Object.assign(fault, { gfn: gfn0, sptep: leafAt(vm, gfn0), slot: fault.memslots.last });
          return sketchAsTyped(mem, vm, fault);
        },
      ],
      finally: {
        'what is fixed can be written': (mem, vm, { vcpu0 }) =>
          vcpu0 !== RET_PF_FIXED || leafIsWritable(mem, vm, gfn0),
      },
      oops: 'the vCPU enters the guest and faults again',
    }),
};
