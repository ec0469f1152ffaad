// Result: Sometimes; with a generation that moves on only after the grace period: Never.
//
// A vCPU finds no memory by the old memslots, asks of what generation that is, and is told the new one's.
// Source: KVM commits ee3d1570b586 and 56f17dd3fbc4 (August 2014).
import type { Shared } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  isMmioSpte,
  isUpdateInProgress,
  mmioGeneration,
  mmioSpteGeneration,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsPresent, leafOf } from '../properties.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hvn0 } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

type Replace = (mem: Shared, vm: Vm) => Shared;

/** The slots are published with the generation that they are to have, and nothing says that it is too early for it. */
const generationAtOnce: Replace = (mem, vm) => {
  const store32 = mem.store32.bind(mem);
  mem.store32 = (address, value) => {
    const early = address === vm.at.memslots && isUpdateInProgress(value);
    store32(address, early ? value + 1 : value);
  };
  return mem;
};

interface Remembered {
  readonly gfn: number;
  readonly generation: number;
}

/** One store; what the vCPU remembers of it. */
function storeOnce(mem: Shared, vm: Vm, vcpu: Vcpu): Remembered {
  guestWrite(gfn0, 1)(mem, vm, vcpu);
  const { gfn, generation } = vcpu.fault.mmio;
  return { gfn, generation };
}

/** Would the next access to gfn 0 be answered by the spte that is there? */
const mmioSpteCounts = (mem: Shared, vm: Vm): boolean => {
  const { low, high } = leafOf(mem, vm, gfn0);
  const current = mmioGeneration(mem.load32(vm.at.memslots));
  return isMmioSpte(low, high) && mmioSpteGeneration(low, high) === current;
};
const isMmio = (mem: Shared, vm: Vm): boolean => {
  const { low, high } = leafOf(mem, vm, gfn0);
  return isMmioSpte(low, high);
};

export const KEEPS_AN_OLD_DECISION: readonly Litmus[] = brokenAndRepaired<Replace>({
  name: 'b16-keeps-an-old-decision',
  title: 'An MMIO decision by old memslots is kept with the generation of new ones',
  violates: 'no MMIO decision outlives its memslots',
  source: 'KVM commits ee3d1570b586 and 56f17dd3fbc4 (August 2014)',
  story:
    'A vCPU searches the memslots and finds no memory. The VMM publishes new ones, with memory there, and waits for the ' +
    'vCPU. The vCPU asks for the generation, to keep it with what it has found: it is that of the new memslots already. ' +
    'From then on the decision looks current, and what the guest stores goes to a device instead of its memory.',
  fix:
    'Publish the memslots with the old generation and a flag, with which nothing is kept; count up after the grace period, ' +
    'when nobody decides by the old ones any more.',
  links: ['https://git.kernel.org/linus/ee3d1570b586', 'https://git.kernel.org/linus/56f17dd3fbc4'],
  broken: generationAtOnce,
  repaired: (mem) => mem,
  make: (name, replace) =>
    race({
      name,
      vm: { hostPages: 1 },
      setup: (mem, vm) => deleteMemslot(mem, vm, 0),
      vcpus: [storeOnce],
      agents: {
        vmm: (mem, vm) =>
          createMemslot(replace(withOneSlot(mem, vm), vm), vm, {
            id: 0,
            baseGfn: gfn0,
            npages: 1,
            hvn: hvn0,
            flags: 0,
          }),
      },
      finally: {
        'no MMIO decision outlives its memslots': (mem, vm, { vcpu0 }) =>
          !mmioSpteCounts(mem, vm) &&
          (vcpu0 as Remembered).generation !== mem.load32(vm.at.memslots),
      },
      sometimes: {
        'a decision is kept while the memslots are replaced': (mem, vm) =>
          isMmio(mem, vm) && isUpdateInProgress(mem.load32(vm.at.memslots)),
        'memory is mapped': (mem, vm) => leafIsPresent(mem, vm, gfn0),
      },
      oops: 'a guest stores to its memory, and a device gets it',
    }),
});
