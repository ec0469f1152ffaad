// A recording, replayed: each act of the trace through the MMU, each decision of the MMU against the trace.
import { clearYoung, type Hvn, testYoung, zapAll } from '@faultline/mmu';
import type { Act, MomentAct, NotifierAct, OtherAct } from './acts/act.ts';
import type { Recording } from './acts/recording.ts';
import { Conductor } from './conductor.ts';
import type { HostMemory } from './host-memory.ts';
import { LateNotifiers } from './perform/late-notifiers.ts';
import { leaveOutNested } from './perform/leave-out-nested.ts';
import { notifyNested } from './perform/nested-root.ts';
import { OpenInvalidations } from './perform/open-invalidations.ts';
import { FaultPerformer } from './perform/perform-fault.ts';
import { IoctlPerformer } from './perform/perform-ioctl.ts';
import { RingPerformer } from './perform/perform-ring.ts';
import { Vcpus } from './perform/vcpus.ts';
import { survey } from './survey.ts';
import type { Verdicts } from './verdicts.ts';

/** Throws a RangeError when there is nothing in the recording that could be replayed. */
export function replay(recording: Recording): Verdicts {
  return new Replay(recording).run();
}

class Replay {
  readonly #conductor: Conductor;
  readonly #host: HostMemory;
  readonly #invalidations: OpenInvalidations;
  readonly #vcpus: Vcpus;
  readonly #faults: FaultPerformer;
  readonly #ioctls: IoctlPerformer;
  readonly #rings: RingPerformer;
  readonly #late: LateNotifiers;

  constructor(recording: Recording) {
    const found = survey(recording);
    this.#host = found.host;
    this.#conductor = new Conductor(recording, found, (act, index) => this.#perform(act, index));
    const { replayed, ledger } = this.#conductor;
    this.#invalidations = new OpenInvalidations(replayed, ledger.verdicts);
    this.#conductor.onWait = () => this.#invalidations.endAll();
    this.#late = new LateNotifiers(this.#conductor, found.host, (act) => this.#invalidate(act));
    this.#vcpus = new Vcpus(replayed);
    this.#faults = new FaultPerformer(this.#conductor, this.#invalidations, this.#vcpus);
    this.#rings = new RingPerformer(this.#conductor);
    this.#ioctls = new IoctlPerformer(this.#conductor, this.#invalidations, found.host);
  }

  run(): Verdicts {
    this.#conductor.run();
    this.#late.endAll();
    return this.#conductor.ledger.verdicts;
  }

  #perform(act: Act, index: number): void {
    this.#late.end(act);
    if (act.kind === 'fault') this.#faults.perform(act, index);
    else if (act.kind === 'nested-fault') leaveOutNested(this.#conductor, act, index);
    else if (act.kind === 'ioctl') this.#ioctls.perform(act, index);
    else if (act.kind === 'other') this.#other(act, index);
    else if (act.kind === 'moment') this.#atMoment(act, index);
    else this.#notify(act, index);
  }

  #atMoment(act: MomentAct, index: number): void {
    act.state = 'done';
    const { body } = this.#conductor.ledger.event(index);
    if (body.event === 'kvm_entry') this.#enter(body.vcpu_id);
    else this.#rings.perform(index);
  }

  #enter(vcpu: number): void {
    this.#vcpus.enter(vcpu);
    this.#vcpus.leave(vcpu);
  }

  #notify(act: NotifierAct, index: number): void {
    if (index !== act.at || act.state !== 'waiting') return;
    this.#invalidations.endOf(act.pid);
    if (!this.#late.keep(act)) this.#invalidate(act);
  }

  #invalidate(act: NotifierAct): void {
    act.state = 'running';
    const { agent, vm } = this.#conductor.replayed;
    this.#conductor.during(act, act.decisions, { steered: true }, () => {
      for (const { hvn, count } of this.#host.within(act.start, act.end)) {
        if (act.kind === 'unmap') this.#withdraw(act.pid, hvn, count);
        else if (act.kind === 'age') clearYoung(agent, vm, hvn, count);
        else testYoung(agent, vm, hvn, count);
        notifyNested(this.#conductor.replayed, act.kind, hvn, count);
      }
    });
    act.state = 'done';
  }

  #withdraw(pid: number, hvn: Hvn, count: number): void {
    this.#invalidations.start(pid, hvn, count);
    this.#conductor.replayed.withdraw(hvn, count);
  }

  /** What no event announces is the end of the VM: its page table is zapped. */
  #other(act: OtherAct, index: number): void {
    if (index !== act.at || act.state !== 'waiting') return;
    act.state = 'running';
    const { replayed } = this.#conductor;
    this.#conductor.during(act, act.decisions, { steered: true }, () => {
      for (const running of replayed.running) {
        replayed.under(running, () => zapAll(replayed.agent, replayed.vm));
      }
    });
    act.state = 'done';
  }
}
