// A guest's store whose faults are repaired by paths of one's choice: the loop of write32, with a translation that lives
// for one store.
import type { Shared } from '@faultline/atomics';
import {
  type Gfn,
  gfnToGpa,
  gfnToMemslot,
  isLastSpte,
  isShadowPresent,
  isWritable,
  type PageFault,
  PFERR_PRESENT_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  type Pfn,
  pageBase,
  pagesPerEntry,
  poll,
  RET_PF_EMULATE,
  RET_PF_INVALID,
  type RetPf,
  slowPageFault,
  spteToPfn,
  type Vcpu,
  type Vm,
  walkToLastSptep,
} from '@faultline/mmu';
import type { VcpuBody } from '../setting.ts';

export type FaultHandler = (mem: Shared, vm: Vm, fault: PageFault) => RetPf;

export interface Paths {
  /** Tried first where the leaf is present. None if absent. */
  readonly fast?: FaultHandler;
  /** The shipped one if absent. */
  readonly slow?: FaultHandler;
}

/** Stores `value` to a word of page `gfn`, by a vCPU in the guest that knows its memslots; gives up where no memory is. */
export function guestWriteBy(
  { fast = () => RET_PF_INVALID, slow = slowPageFault }: Paths,
  gfn: Gfn,
  value: number,
  word = 0,
): VcpuBody {
  const store = guestStoreOnce(gfn, value, word);
  return function guestWrite(mem, vm, vcpu) {
    const { fault } = vcpu;
    Object.assign(fault, { gfn, addr: gfnToGpa(gfn) });
    for (;;) {
      // All else is filled anew by the next try.
      const { mode, memslots, root } = fault;
      mem.again(mode.word, Number(mode.taken), memslots.generation, root);
      const missing = store(mem, vm, vcpu);
      if (missing < 0) return;
      fault.error_code = missing | PFERR_WRITE_MASK | PFERR_USER_MASK;
      fault.slot = gfnToMemslot(mem, vm, fault.memslots, gfn);
      const ret = missing === 0 ? RET_PF_INVALID : fast(mem, vm, fault);
      if (ret === RET_PF_INVALID && slow(mem, vm, fault) === RET_PF_EMULATE) return;
      poll(mem, vm, vcpu); // KVM looks at the requests on its way back into the guest, after every fault
    }
  };
}

/** Walks and stores as hardware does: -1 when it has, or the P bit of the fault. */
export function guestStoreOnce(
  gfn: Gfn,
  value: number,
  word = 0,
): (mem: Shared, vm: Vm, vcpu: Vcpu) => number {
  return function guestStore(mem, vm, { fault }) {
    fault.gfn = gfn;
    fault.sptep = walkToLastSptep(mem, vm, fault);
    const low = mem.load64(fault.sptep);
    if (!isShadowPresent(low) || !isLastSpte(low, fault.level)) return 0;
    if (!isWritable(low)) return PFERR_PRESENT_MASK;
    const page = gfn & (pagesPerEntry(fault.level, vm.geometry.indexBits) - 1);
    const pfn = (spteToPfn(low, mem.high) + page) as Pfn;
    mem.guestStore(pageBase(vm, pfn) + word, value);
    return -1;
  };
}
