// A fault of the trace, through the MMU's own fault paths: the lock-free one where the trace has its fast_page_fault, the rest
// where its leaf changes. What the host answered is put in the host's page table before.
import {
  gfnToHvn,
  isHostWritable,
  isReadonly,
  KVM_MEMSLOT_INVALID,
  type Memslot,
  PFERR_RSVD_MASK,
  PFERR_WRITE_MASK,
  RET_PF_EFAULT,
  RET_PF_EMULATE,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from '@faultline/mmu';
import type { FaultAct } from '../acts/act.ts';
import { gfnOf } from '../acts/fault-acts.ts';
import type { Conductor } from '../conductor.ts';
import type { Rule } from '../rules.ts';
import { loseExchange } from './lost-exchange.ts';
import type { OpenInvalidations } from './open-invalidations.ts';
import { type Outcome, outcomeName } from './outcome.ts';
import { FastPerformer } from './perform-fast.ts';
import { answerPrefetch } from './prefetch.ts';
import { type ToldOutcome, toldOutcome } from './told-outcome.ts';
import type { Vcpus } from './vcpus.ts';
import { WithdrawnMeanwhile } from './withdrawn-meanwhile.ts';

const isWrite = ({ fault }: FaultAct): boolean => (fault.error_code & PFERR_WRITE_MASK) !== 0;

export class FaultPerformer {
  readonly #conductor: Conductor;
  readonly #invalidations: OpenInvalidations;
  readonly #vcpus: Vcpus;
  readonly #fast: FastPerformer;
  readonly #withdrawn: WithdrawnMeanwhile;

  constructor(conductor: Conductor, invalidations: OpenInvalidations, vcpus: Vcpus) {
    this.#conductor = conductor;
    this.#invalidations = invalidations;
    this.#vcpus = vcpus;
    this.#fast = new FastPerformer(conductor, vcpus);
    this.#withdrawn = new WithdrawnMeanwhile(conductor);
  }

  /** `index`: the event whose turn it is; of an undecided fault, where it ended. */
  perform(act: FaultAct, index: number): void {
    const { ledger } = this.#conductor;
    if (index === act.begin) this.#withdrawn.begin(act);
    if (index === act.fast && ledger.isOpen(index)) this.#fast.perform(act, index);
    else if (index === act.at && act.state === 'waiting') {
      act.state = 'running';
      this.#slow(act, index);
      act.state = 'done';
    }
  }

  #slow(act: FaultAct, index: number): void {
    const told = toldOutcome(this.#conductor, act);
    if (told === undefined) this.#undecided(act, index);
    else if (told.ret === RET_PF_RETRY) loseExchange(this.#conductor, act, index);
    else {
      this.#prepare(act, told, index);
      const ret = this.#run(act);
      const kept = ret === RET_PF_SPURIOUS && this.#conductor.judge.kept.delete(act);
      this.#judge(act, index, told.ret, ret, kept ? 'kept-leaf' : undefined);
    }
  }

  #run(act: FaultAct): Outcome {
    const { vcpu_id } = act.fault;
    const fault = this.#vcpus.fault(act);
    const compared = act.decisions.filter((at) => at !== act.fast);
    const outcome = this.#conductor.during(act, compared, { steered: false }, () =>
      this.#vcpus.handle(act, fault),
    );
    this.#vcpus.leave(vcpu_id);
    return outcome;
  }

  #judge(act: FaultAct, index: number, want: RetPf, got: Outcome, rule?: Rule): void {
    const { ledger } = this.#conductor;
    if (got === want) {
      ledger.verdicts.agree('fault result');
      return;
    }
    const { vcpu_id, error_code } = act.fault;
    const where = `vCPU ${vcpu_id}, gfn ${gfnOf(act).toString(16)}, error code 0x${error_code.toString(16)}`;
    const said = { expected: outcomeName(want), got: outcomeName(got), where };
    ledger.differ('fault result', index, said, rule);
  }

  #prepare(act: FaultAct, { requested, leaf }: ToldOutcome, index: number): void {
    const { replayed } = this.#conductor;
    const gfn = gfnOf(act);
    const slot = replayed.slotOf(gfn);
    if (slot !== undefined && (leaf !== undefined || requested !== undefined))
      this.#invalidations.endBefore(gfn, gfnToHvn(slot, gfn));
    this.#settleLeaf(act, index);
    answerPrefetch(this.#conductor, this.#invalidations, act);
    if (slot === undefined || requested === undefined) return;
    // A write that was mapped was allowed by the host, be the slot what it may.
    const writable = isWrite(act) || (leaf !== undefined && isHostWritable(leaf.low));
    const pfn = replayed.words.frame(requested.pfn);
    replayed.answer(slot, gfn, { pfn, writable, huge: requested.level > 1 });
  }

  #settleLeaf({ leaf }: FaultAct, index: number): void {
    if (leaf === undefined) return;
    const { ledger, hindsight } = this.#conductor;
    const { body } = ledger.event(leaf);
    if (body.event !== 'kvm_tdp_mmu_spte_changed') return;
    hindsight.settle({ gfn: body.gfn, level: body.level }, body.old_spte, index);
  }

  /** The kernel tried, and told nothing: most often the range was being withdrawn. */
  #undecided(act: FaultAct, index: number): void {
    const gfn = gfnOf(act);
    const slot = this.#conductor.replayed.slotOf(gfn);
    if (act.refused && slot !== undefined) {
      // It has asked the host, which it does not while the page is being withdrawn.
      this.#invalidations.endBefore(gfn, gfnToHvn(slot, gfn));
      this.#conductor.replayed.refuse(slot, gfn);
    }
    const want = this.#wantUndecided(act, slot);
    if (want !== undefined) {
      this.#judge(act, index, want, this.#run(act));
      return;
    }
    if (slot !== undefined && this.#withdrawn.isSo(act)) {
      this.#conductor.ledger.verdicts.infer('withdrawn-meanwhile');
      const got = this.#withdrawn.during(act, slot, () => this.#run(act));
      this.#judge(act, index, RET_PF_RETRY, got);
      return;
    }
    const where = `vCPU ${act.fault.vcpu_id}, gfn ${gfn.toString(16)}`;
    const said = { expected: 'no decision', got: 'a page to map', where };
    this.#conductor.ledger.differ('fault result', index, said, 'retried-unseen');
  }

  /** How it must have ended; undefined when nothing says. */
  #wantUndecided(act: FaultAct, slot: Memslot | undefined): RetPf | undefined {
    // A reserved bit of which KVM told nothing: its vCPU remembers the page as MMIO, or the MMIO spte is gone by now.
    if ((act.fault.error_code & PFERR_RSVD_MASK) !== 0)
      return act.emulated ? RET_PF_EMULATE : RET_PF_RETRY;
    if (act.refused) return RET_PF_EFAULT;
    if (this.#invalidations.holds(gfnOf(act))) return RET_PF_RETRY;
    if (slot === undefined) return undefined;
    if ((slot.flags & KVM_MEMSLOT_INVALID) !== 0) return RET_PF_RETRY;
    return isReadonly(slot) && isWrite(act) ? RET_PF_EMULATE : undefined;
  }
}
