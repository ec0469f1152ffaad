// A vCPU that faults until its fault is answered, as an access does, with what it remembers from one try to the next said
// aloud: so that searches of long waits stay small.
import type { Shared } from '@faultline/atomics';
import {
  enterGuest,
  type Gfn,
  gfnToGpa,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFault,
  RET_PF_RETRY,
  type RetPf,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';

/** A store to a page that is not mapped. In the guest before and after. */
export function faultUntilAnswered(mem: Shared, vm: Vm, vcpu: Vcpu, gfn: Gfn): RetPf {
  const { fault } = vcpu;
  for (;;) {
    // The slots that it has read are those of their generation.
    mem.again(fault.mode.word, fault.memslots.generation);
    const ret = pageFault(mem, vm, fault, gfnToGpa(gfn), PFERR_WRITE_MASK | PFERR_USER_MASK);
    enterGuest(mem, vm, vcpu);
    if (ret !== RET_PF_RETRY) return ret;
  }
}
