// A fault without the lock: carried out where the trace has its fast_page_fault, from the word that the kernel looked at.
import {
  fastPageFault,
  formatSpte,
  PT_WRITABLE_MASK,
  pageFaultCanBeFast,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_SPURIOUS,
  type RetPf,
  type Spte,
} from '@faultline/mmu';
import type { TraceBody } from '../../trace-event.ts';
import type { FaultAct } from '../acts/act.ts';
import { gfnOf } from '../acts/fault-acts.ts';
import type { Conductor } from '../conductor.ts';
import type { Place } from '../page-tables.ts';
import { isSame } from '../spte-words.ts';
import { outcomeName } from './outcome.ts';
import type { Vcpus } from './vcpus.ts';

type FastTold = Extract<TraceBody, { event: 'fast_page_fault' }>;

export class FastPerformer {
  readonly #conductor: Conductor;
  readonly #vcpus: Vcpus;

  constructor(conductor: Conductor, vcpus: Vcpus) {
    this.#conductor = conductor;
    this.#vcpus = vcpus;
  }

  /** `index`: of its fast_page_fault, which is open. */
  perform(act: FaultAct, index: number): void {
    const conductor = this.#conductor;
    const { ledger } = conductor;
    ledger.close(index);
    const told = ledger.event(index).body as FastTold;
    const gfn = gfnOf(act);
    conductor.hindsight.settle({ gfn, level: 1 }, told.old_spte, index);
    const { ret, place, found } = this.#try(act, gfn);
    this.#judge(index, told, ret, { ...place, found });
    if (told.fixed) conductor.noteWritten(gfn);
    if (told.fixed || told.spurious) {
      act.state = 'done';
      ledger.verdicts.agree('fault result');
    }
  }

  #try(act: FaultAct, gfn: number): { ret: RetPf | undefined; place: Place; found: Spte } {
    const { ledger, replayed } = this.#conductor;
    const { vcpu_id } = act.fault;
    const fault = this.#vcpus.fault(act);
    const { mem } = this.#vcpus.of(vcpu_id);
    const pushes = act.decisions.filter(
      (at) => ledger.event(at).body.event === 'kvm_dirty_ring_push',
    );
    const ret = this.#conductor.during(act, pushes, { steered: false }, () =>
      pageFaultCanBeFast(fault.error_code) ? fastPageFault(mem, replayed.vm, fault) : undefined,
    );
    this.#vcpus.leave(vcpu_id);
    const found = { low: fault.old_low, high: fault.old_high };
    return { ret, place: { gfn, level: fault.level }, found };
  }

  #judge(
    index: number,
    told: FastTold,
    ret: RetPf | undefined,
    { gfn, level, found }: Place & { readonly found: Spte },
  ): void {
    const { ledger, replayed } = this.#conductor;
    const want = told.fixed ? RET_PF_FIXED : told.spurious ? RET_PF_SPURIOUS : RET_PF_INVALID;
    const old = replayed.words.toOurs(told.old_spte, level);
    if (ret === want && isSame(old, found)) {
      ledger.verdicts.agree('fast_page_fault');
      return;
    }
    ledger.differ('fast_page_fault', index, {
      expected: `${outcomeName(want)}, found ${formatSpte(old)}`,
      got: ret === undefined ? 'not tried' : `${outcomeName(ret)}, found ${formatSpte(found)}`,
      where: `vCPU ${told.vcpu_id}, gfn ${gfn.toString(16)} level ${level}`,
    });
    const now = told.fixed ? { low: old.low | PT_WRITABLE_MASK, high: old.high } : old;
    replayed.tables.put({ gfn, level }, now);
  }
}
