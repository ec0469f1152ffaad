// The vCPUs of the replayed VM: in the guest, and with the faults that hardware reports.
import { modeOf } from '@faultline/atomics';
import {
  enterGuest,
  type Gpa,
  gfnToMemslot,
  gpaToGfn,
  handleMmioPageFault,
  KVM_REQ_DIRTY_RING_SOFT_FULL,
  leaveGuest,
  type PageFault,
  PFERR_RSVD_MASK,
  RET_PF_INVALID,
  slowPageFault,
  validRoot,
} from '@faultline/mmu';
import type { FaultAct } from '../acts/act.ts';
import type { ReplayedVm } from '../replayed-vm.ts';
import { BROKEN, type Outcome } from './outcome.ts';

/** Tables for MMIO sptes: KVM knows no limit. */
const NO_LIMIT = 2 ** 30;

export class Vcpus {
  readonly #replayed: ReplayedVm;

  constructor(replayed: ReplayedVm) {
    this.#replayed = replayed;
  }

  of(id: number): ReplayedVm['vcpus'][number] {
    const vcpu = this.#replayed.vcpus[id];
    if (vcpu === undefined) throw new RangeError(`expected a vCPU, got ${id}`);
    return vcpu;
  }

  /** Its requests are served. */
  enter(id: number): void {
    const { mem, vcpu } = this.of(id);
    mem.and32(modeOf(vcpu.id).requests, ~KVM_REQ_DIRTY_RING_SOFT_FULL);
    enterGuest(mem, this.#replayed.vm, vcpu);
  }

  leave(id: number): void {
    const { mem, vcpu } = this.of(id);
    leaveGuest(mem, vcpu);
  }

  /** Enters the guest, and has the fault that hardware reports. */
  fault({ fault: told }: FaultAct): PageFault {
    const { vm } = this.#replayed;
    this.enter(told.vcpu_id);
    const { mem, vcpu } = this.of(told.vcpu_id);
    const { fault } = vcpu;
    fault.root = validRoot(mem, vm); // by the role of what runs
    fault.addr = told.fault_address;
    fault.gfn = gpaToGfn(told.fault_address as Gpa);
    fault.error_code = told.error_code | 0;
    fault.fast = false;
    fault.mmio.tablesLeft = NO_LIMIT;
    fault.slot = gfnToMemslot(mem, vm, fault.memslots, fault.gfn);
    return fault;
  }

  /** A reserved bit first, then the slow path; the fault was reported. KVM: kvm_mmu_page_fault() without its fast path. */
  handle({ fault: { vcpu_id } }: FaultAct, fault: PageFault): Outcome {
    const { vm } = this.#replayed;
    const { mem } = this.of(vcpu_id);
    const isReserved = (fault.error_code & PFERR_RSVD_MASK) !== 0;
    const answered = isReserved ? handleMmioPageFault(mem, vm, fault) : RET_PF_INVALID;
    if (answered !== RET_PF_INVALID) return answered;
    try {
      return slowPageFault(mem, vm, fault);
    } catch {
      return BROKEN;
    }
  }
}
