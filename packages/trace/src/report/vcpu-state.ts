// A vCPU's thread while its events come by, and the fault that is open on it.
import {
  type Gfn,
  PFERR_FETCH_MASK,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_WRITE_MASK,
  type Spte,
} from '@faultline/mmu';
import type { Fault, Look } from './fault.ts';
import type { FaultKind } from './fault-kind.ts';
import { kindOf } from './kind-of.ts';

const NO_SPTE: Spte = { low: 0, high: 0 };

export class VcpuState implements Fault {
  readonly pid: number;
  readonly task: string;
  readonly firstTime: number;
  lastTime: number;
  vcpuId = -1;
  cpu = -1;
  enteredAt: number = Number.NaN;
  exitedAt: number = Number.NaN;
  /** The last exit was a guest's page fault, by shadow paging. */
  addressIsVirtual = false;

  /** The rest is of the fault. */
  isOpen = false;
  kind: FaultKind = 'unfinished';
  began: number = Number.NaN;
  ended: number = Number.NaN;
  gfn: Gfn | -1 = -1;
  page: number = Number.NaN;
  errorCode = 0;
  /** Bits of `Seen`. */
  seen = 0;
  look: Look | undefined;
  lookedAt: number = Number.NaN;
  oldSpte: Spte = NO_SPTE;
  newSpte: Spte = NO_SPTE;

  constructor(pid: number, task: string, time: number) {
    this.pid = pid;
    this.task = task;
    this.firstTime = time;
    this.lastTime = time;
  }

  get vcpu(): this {
    return this;
  }

  get isPresent(): boolean {
    return (this.errorCode & PFERR_PRESENT_MASK) !== 0;
  }

  get isWrite(): boolean {
    return (this.errorCode & PFERR_WRITE_MASK) !== 0;
  }

  /** `page` as hardware named it; NaN where that is not told. */
  begin(time: number, page: number, errorCode: number): void {
    this.isOpen = true;
    this.began = Number.isNaN(this.exitedAt) ? time : this.exitedAt;
    this.page = page;
    this.gfn = this.addressIsVirtual || Number.isNaN(page) ? -1 : (page as Gfn);
    this.errorCode = errorCode;
    this.seen = 0;
    this.look = undefined;
    this.lookedAt = Number.NaN;
  }

  /** `ended` is NaN where no re-entry was seen. */
  close(ended: number, wasHuge: boolean): void {
    this.isOpen = false;
    this.ended = ended;
    this.kind = kindOf({
      seen: this.seen,
      look: this.look,
      isPresent: this.isPresent,
      isFetch: (this.errorCode & PFERR_FETCH_MASK) !== 0,
      isReserved: (this.errorCode & PFERR_RSVD_MASK) !== 0,
      wasHuge,
      hasEnded: !Number.isNaN(ended),
    });
  }
}
