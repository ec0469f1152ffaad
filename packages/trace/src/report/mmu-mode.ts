// Which hardware and which of KVM's MMUs wrote the trace, and how that is known: nothing in a trace says it outright.
import { isShadowPresent } from '@faultline/mmu';
import type { TraceEvent } from '../trace-event.ts';

export interface MmuMode {
  readonly vendor: 'AMD' | 'Intel' | 'unknown';
  readonly mmu: 'tdp' | 'legacy' | 'shadow' | 'unknown';
  /** The evidence, in words. */
  readonly how: string;
  /** A guest's guests ran too. */
  readonly isNested: boolean;
  /** As the sptes show it: 0 until 6.8, bit 63 since. Undefined where no empty spte is shown. */
  readonly nonPresent: 'zero' | 'bit63' | undefined;
}

const INTEL = /^(EPT_|EXCEPTION_NMI$|EXTERNAL_INTERRUPT$|MSR_WRITE$|VM)/;
const AMD = /^(npf|PF excp|interrupt|vintr|hlt|msr|io)$/;
const NESTED = /^(vmrun|VMLAUNCH|VMRESUME)$/;

const count = (n: number): string => n.toLocaleString('en-US');

export class MmuModeFinder {
  readonly #exits = new Map<string, number>();
  #tdpChanges = 0;
  #setSptes = 0;
  #nested = 0;
  #nonPresent: MmuMode['nonPresent'];

  add({ body }: TraceEvent): void {
    switch (body.event) {
      case 'kvm_exit':
        this.#exits.set(body.reason, (this.#exits.get(body.reason) ?? 0) + 1);
        break;
      case 'kvm_tdp_mmu_spte_changed': {
        this.#tdpChanges++;
        const { low, high } = body.old_spte;
        if (low === 0 && !isShadowPresent(low)) this.#nonPresent = high === 0 ? 'zero' : 'bit63';
        break;
      }
      case 'kvm_mmu_set_spte':
        this.#setSptes++;
        break;
      case 'kvm_nested_vmenter':
        this.#nested++;
        break;
    }
  }

  mode(): MmuMode {
    const paged = this.#mostOf(/^(npf|EPT_VIOLATION|EPT_MISCONFIG)$/);
    const shadowed = this.#mostOf(/^(PF excp|EXCEPTION_NMI)$/);
    const { mmu, how } = this.#mmu(paged, shadowed);
    return {
      vendor: this.#vendor(),
      mmu,
      how,
      isNested: this.#nested > 0 || this.#mostOf(NESTED) !== undefined,
      nonPresent: this.#nonPresent,
    };
  }

  #vendor(): MmuMode['vendor'] {
    const intel = this.#mostOf(INTEL)?.count ?? 0;
    const amd = this.#mostOf(AMD)?.count ?? 0;
    if (intel === amd) return 'unknown';
    return intel > amd ? 'Intel' : 'AMD';
  }

  #mmu(paged: Exits | undefined, shadowed: Exits | undefined): Pick<MmuMode, 'mmu' | 'how'> {
    if (this.#tdpChanges > 0) {
      return { mmu: 'tdp', how: `${count(this.#tdpChanges)} kvm_tdp_mmu_spte_changed` };
    }
    if (paged === undefined && shadowed !== undefined) {
      return {
        mmu: 'shadow',
        how: `${count(shadowed.count)} exits ${shadowed.reason}, none of npf or EPT`,
      };
    }
    if (paged === undefined || this.#setSptes === 0) {
      return {
        mmu: 'unknown',
        how: 'no kvm_tdp_mmu_spte_changed, kvm_mmu_set_spte or kvm_exit tells',
      };
    }
    const how = `exits ${paged.reason}, ${count(this.#setSptes)} kvm_mmu_set_spte without kvm_tdp_mmu_spte_changed`;
    return { mmu: 'legacy', how };
  }

  #mostOf(pattern: RegExp): Exits | undefined {
    return [...this.#exits]
      .filter(([reason]) => pattern.test(reason))
      .map(([reason, count]) => ({ reason, count }))
      .sort((a, b) => b.count - a.count)[0];
  }
}

interface Exits {
  readonly reason: string;
  readonly count: number;
}
