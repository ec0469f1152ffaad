// Result: Never
//
// Two vCPUs store to two words of a page that nobody has touched: the host page, the table and the leaf are all missing.
// Source: KVM's kvm_tdp_mmu_map() and tdp_mmu_link_sp(), where the loser of an exchange faults again or finds the work done.
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  forEachSpte,
  hostPtePfn,
  isHostPtePresent,
  isLastSpte,
  pageBase,
  putPage,
  type Vm,
} from '@faultline/mmu';
import { dropPage } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor, isMarked } from '../properties.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, guestWrite, hostPte, hvn0 } from '../small-vm.ts';

const [WORD0, WORD1, UNTOUCHED] = [0, 1, 2];

/** The VMM itself has written the page, without the guest, and has given it back: no table leads there. */
function leaveFrameUsed(mem: Shared, vm: Vm): void {
  const pfn = hostPtePfn(faultInHostPage(mem, vm, hvn0, true));
  for (const word of [WORD0, WORD1, UNTOUCHED]) mem.guestStore(pageBase(vm, pfn) + word, 7);
  putPage(mem, vm, pfn);
  dropPage(mem, vm, hvn0);
}

/** A vCPU stores to `word`; answers how many tables it has taken and not given back. */
const storeAndCountTables = (word: number): VcpuBody => {
  const store = guestWrite(gfn0, 1, word);
  return function storeTo(mem, vm, vcpu) {
    let tables = 0;
    const alloc = mem.alloc.bind(mem);
    const free = mem.free.bind(mem);
    mem.alloc = () => {
      tables++;
      return alloc();
    };
    mem.free = (frame) => {
      tables--;
      free(frame);
    };
    store(mem, vm, vcpu);
    return tables;
  };
};

/** How many leaves are mapped, or how many tables linked below the root. */
function countSptes(mem: Shared, vm: Vm, which: 'leaf' | 'table'): number {
  let count = 0;
  forEachSpte(mem, vm, ({ low }, level) => {
    if (isLastSpte(low, level) === (which === 'leaf')) count++;
  });
  return count;
}

export const firstTouchTwoVcpus: Litmus = {
  name: 'first-touch-two-vcpus',
  title: 'Two vCPUs store to two words of a page that nobody has touched.',
  result: 'Never',
  source: 'KVM: kvm_tdp_mmu_map(), tdp_mmu_link_sp(), tdp_mmu_map_handle_target_level()',
  story:
    'No host page, no table, no leaf. Both vCPUs ask the host for the page, both bring a table, both map: mmu_lock they ' +
    'hold together, for reading.',
  fix:
    'The host looks again under its lock, so there is one page. A table and a leaf appear by one cmpxchg; who loses it gives ' +
    'the table back and faults again, and who finds the leaf done returns to the guest.',
  links: [],
  program: () =>
    race({
      name: 'first-touch-two-vcpus',
      vm: {
        geometry: { levels: 2, indexBits: 1 },
        pageWords: 3,
        hostPages: 1,
        pageFrames: 2,
        faultLock: 'shared',
      },
      setup: leaveFrameUsed,
      vcpus: [storeAndCountTables(WORD0), storeAndCountTables(WORD1)],
      sometimes: {
        'the page is there, and nothing leads to it': (mem, vm) =>
          isHostPtePresent(hostPte(mem, vm, hvn0)) && countSptes(mem, vm, 'table') === 0,
        'a table is there, and no leaf': (mem, vm) =>
          countSptes(mem, vm, 'table') === 1 && countSptes(mem, vm, 'leaf') === 0,
      },
      finally: {
        'both stores arrive': (mem, vm) =>
          contentOf(mem, vm, hvn0, WORD0) === 1 && contentOf(mem, vm, hvn0, WORD1) === 1,
        'a new page is empty': (mem, vm) => contentOf(mem, vm, hvn0, UNTOUCHED) === 0,
        'the page is marked': (mem, vm) => isMarked(mem, vm, hvn0),
        'no table is lost': (mem, vm, { vcpu0, vcpu1 }) =>
          countSptes(mem, vm, 'table') === 1 && Number(vcpu0) + Number(vcpu1) === 1,
        'every frame has the references of its users': framesAreAccountedFor(),
      },
      oops: 'a store is lost, or a page, or a table',
    }),
};
