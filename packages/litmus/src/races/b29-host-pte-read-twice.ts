// Result: Sometimes; with the second load compared to the first: Never.
//
// A host pte is loaded, a reference taken on the frame that it names, and then it is loaded again for the answer: the two may
// differ.
// Source: KVM commit 44187235cbcc (April 2022).
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteKsm,
  makeKsmPage,
  mergeWithKsmPage,
  putPage,
  tryGetPage,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { framesAreAccountedFor } from '../properties.ts';
import { race, type VmEnd } from '../setting.ts';
import { gfn0, gfn1, hostPte, hvn0, hvn1, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

/** The host pte of a page that is present, with a reference to its frame. */
type FaultIn = (mem: Shared, vm: Vm, hvn: Hvn) => number;

const loadTwice: FaultIn = (mem, vm, hvn) => {
  for (;;) {
    const pfn = hostPtePfn(mem.load32(hostPtep(vm, hvn)));
    if (tryGetPage(mem, vm, pfn)) return mem.load32(hostPtep(vm, hvn));
  }
};

/** ksmd has kept the reference that it got for the shared page. */
const keptByKsmd: VmEnd<readonly number[]> = (mem, vm) => [hostPtePfn(hostPte(mem, vm, hvn1))];

export const HOST_PTE_READ_TWICE: readonly Litmus[] = brokenAndRepaired<FaultIn>({
  name: 'b29-host-pte-read-twice',
  title: 'A host pte changes between the load that names a frame and the load that is answered',
  violates: "every reference is somebody's",
  source: 'KVM commit 44187235cbcc (April 2022)',
  story:
    'KVM walked the host page table and dereferenced entries twice, so that it decided on one value and used another. Here ' +
    'KSM merges the page between the two loads: the reference was taken on the old frame, and is given back on the shared ' +
    'one, which is freed one user too early.',
  fix: 'Load once and decide on that. A second load may only confirm the first.',
  links: ['https://git.kernel.org/linus/44187235cbcc'],
  broken: loadTwice,
  repaired: (mem, vm, hvn) => faultInHostPage(mem, vm, hvn, false),
  make: (name, faultIn) =>
    race({
      name,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        touch(mem, vm, gfn1);
        makeKsmPage(mem, vm, hvn1, writeProtectHostPage(mem, vm, hvn1));
        writeProtectHostPage(mem, vm, hvn0);
      },
      vcpus: [{ outside: (mem, vm) => putPage(mem, vm, hostPtePfn(faultIn(mem, vm, hvn0))) }],
      agents: {
        ksmd: (mem, vm) =>
          mergeWithKsmPage(
            mem,
            vm,
            hvn0,
            hostPte(mem, vm, hvn0),
            hostPtePfn(hostPte(mem, vm, hvn1)),
          ),
      },
      finally: { "every reference is somebody's": framesAreAccountedFor(keptByKsmd) },
      sometimes: {
        'the page is merged': (mem, vm) => isHostPteKsm(hostPte(mem, vm, hvn0)),
      },
      oops: 'a page that others still map is free',
    }),
});
