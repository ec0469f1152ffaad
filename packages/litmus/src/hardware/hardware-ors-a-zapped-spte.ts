// Result: Sometimes; with an exchange that compares: Never.
//
// Hardware sets A and D in the spte that it walked; in between that has been zapped.
// Source: Intel SDM 4.8 and AMD APM 5.4.2: the update of A and D is one atomic step with the look at the entry.
import type { Shared } from '@faultline/atomics';
import {
  illegalState,
  invalidateRangeEnd,
  invalidateRangeStart,
  isShadowPresent,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  type Spte,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafOf } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0, leafAt, touch } from '../small-vm.ts';

const BITS = PT_ACCESSED_MASK | PT_DIRTY_MASK;
type SetBits = (mem: Shared, vm: Vm, walked: Spte) => unknown;

export const HARDWARE_ORS_A_ZAPPED_SPTE: readonly Litmus[] = brokenAndRepaired<SetBits>({
  name: 'hardware-ors-a-zapped-spte',
  title: 'An entry is zapped between the walk and the update of A and D',
  violates: 'what is not present has no stray bits',
  source: 'Intel SDM 3A, 4.8; AMD APM 2, 5.4.2',
  story:
    'A model of hardware that walks, and then ORs A and D into the place where the entry was, sets bits in an entry that a ' +
    'notifier has zapped since. Who then looks for a non-present entry, or a frozen one, finds neither.',
  fix: 'A and D are set by an exchange that compares with what was walked; the loser walks anew.',
  links: [],
  broken: (mem, vm) => mem.or64(leafAt(vm, gfn0), BITS, 0),
  repaired: (mem, vm, { low, high }) =>
    mem.cmpxchg64(leafAt(vm, gfn0), low, high, low | BITS, high),
  make: (name, setBits) =>
    race({
      name,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        mem.and64(leafAt(vm, gfn0), ~BITS, -1);
      },
      vcpus: [
        (mem, vm) => {
          const walked = leafOf(mem, vm, gfn0);
          if (isShadowPresent(walked.low)) setBits(mem, vm, walked);
        },
      ],
      agents: {
        notifier(mem, vm) {
          invalidateRangeStart(mem, vm, hvn0, 1);
          invalidateRangeEnd(mem, vm, hvn0, 1);
        },
      },
      finally: {
        'what is not present has no stray bits': (mem, vm) =>
          illegalState(leafOf(mem, vm, gfn0), 1) === undefined,
      },
      sometimes: {
        'hardware is first': (mem, vm) => (leafOf(mem, vm, gfn0).low & PT_DIRTY_MASK) !== 0,
      },
    }),
});
