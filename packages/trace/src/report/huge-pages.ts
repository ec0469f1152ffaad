// What became of huge pages: mapped, split ahead by the VMM's thread, split or dropped in a vCPU's fault.
import { isLastSpte, isShadowPresent } from '@faultline/mmu';
import type { TraceEvent } from '../trace-event.ts';

export interface HugePages {
  /** Leaves above 4K that the slow path mapped. */
  readonly mapped: number;
  /** Splits by who carried them out. */
  readonly splitAhead: number;
  readonly splitInFault: number;
  readonly splitFailed: number;
  /** Leaves above 4K that a fault under logging could not make writable. */
  readonly metWhileLogged: number;
}

export class HugePageTally {
  mapped = 0;
  splitAhead = 0;
  splitInFault = 0;
  splitFailed = 0;
  metWhileLogged = 0;

  /** `isVcpu` says whether the event's thread is one. */
  add({ body }: TraceEvent, isVcpu: boolean): void {
    if (body.event === 'kvm_mmu_set_spte') {
      const { low } = body.spte;
      if (body.level > 1 && isShadowPresent(low) && isLastSpte(low, body.level)) this.mapped++;
    } else if (body.event === 'kvm_mmu_split_huge_page') {
      if (body.errno !== 0) this.splitFailed++;
      else if (isVcpu) this.splitInFault++;
      else this.splitAhead++;
    }
  }

  result(): HugePages {
    const { mapped, splitAhead, splitInFault, splitFailed, metWhileLogged } = this;
    return { mapped, splitAhead, splitInFault, splitFailed, metWhileLogged };
  }
}
