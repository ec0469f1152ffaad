// Result: Sometimes; with the index moved last: Never.
//
// The reset of a dirty ring gives an entry back and then reads it; the vCPU comes round and notes another page there.
// Source: KVM commit 8929bc965964 (September 2022).
import type { Shared } from '@faultline/atomics';
import {
  dirtyGfnAt,
  dirtyGfnOffset,
  dirtyIndex,
  type Hvn,
  harvestRings,
  markPageDirty,
  resetDirtyRings,
  resetIndex,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { copyTold, isInRing, noteInRing } from '../logs/ring.ts';
import { isMarked } from '../properties.ts';
import { race } from '../setting.ts';
import { brokenAndRepaired } from './pair.ts';

/** Reads what was harvested of vCPU 0's ring, and gives it back. Answers the pages that it found. */
type Reset = (mem: Shared, vm: Vm) => readonly number[];

const shippedReset: Reset = (mem, vm) => {
  resetDirtyRings(mem, vm);
  return Object.keys(copyTold(mem, vm)).map(Number);
};

const givesBackFirst: Reset = (mem, vm) => {
  mem.store32(resetIndex(vm, 0), 1);
  const entry = dirtyGfnAt(vm, 0, 0);
  const page = dirtyGfnOffset(mem, entry);
  mem.store32(entry, 0);
  return [page];
};

const isLogged = (mem: Shared, vm: Vm, hvn: Hvn, found: unknown): boolean =>
  (found as readonly number[]).includes(hvn) || isInRing(mem, vm, hvn) || isMarked(mem, vm, hvn);

export const READS_THE_NEXT_LAP: readonly Litmus[] = brokenAndRepaired<Reset>({
  name: 'b24-reads-the-next-lap',
  title: 'The reset of a dirty ring reads an entry of the next lap',
  violates: 'a page that was noted is in a log, or found',
  source: 'KVM commit 8929bc965964 (September 2022)',
  story:
    'The entry is given back before it is read: on hardware that reorders stores, for want of a release; here, because the ' +
    'index moves first. The vCPU comes round and notes another page in it. The reset takes that page for the one that ' +
    'was harvested, and clears the flag of an entry that nobody has harvested: one page is lost, the other forgotten.',
  fix: 'Read the entry, clear its flag, and move the index last of all.',
  links: ['https://git.kernel.org/linus/8929bc965964'],
  broken: givesBackFirst,
  repaired: shippedReset,
  make: (name, reset) =>
    race({
      name,
      vm: { dirtyRing: 2, geometry: { levels: 1, indexBits: 2 }, hostPages: 3 },
      setup(mem, vm) {
        noteInRing(mem, vm, 0);
        harvestRings(mem, vm);
      },
      vcpus: [
        {
          outside(mem, vm, { fault }) {
            const slot = fault.memslots.slots[0];
            for (const gfn of [1, 2]) markPageDirty(mem, vm, slot, gfn as never);
          },
        },
      ],
      agents: { reader: reset },
      finally: {
        'a page that was noted is in a log, or found': (mem, vm, { reader }) =>
          [0, 1, 2].every((hvn) => isLogged(mem, vm, hvn as Hvn, reader)),
      },
      sometimes: {
        'the next lap has begun': (mem, vm) => mem.load32(dirtyIndex(vm, 0)) === 3,
        'there was no room for it': (mem, vm) => mem.load32(vm.at.dirty_bitmap) !== 0,
      },
      oops: 'a page was noted, and no log has it',
    }),
});
