// A vCPU that is to run only a part of the time. QEMU: cpu-throttle.c, which sleeps in the vCPU's thread too: for each 10 ms
// that it ran, as long as makes up its share.
import type { Shared } from '@faultline/atomics';
import { enterGuest, leaveGuest, type Vcpu } from '@faultline/mmu';
import type { Machine } from './machine.ts';

const TIMESLICE_MS = 10;

export class Throttle {
  readonly #mem: Shared;
  readonly #machine: Machine;
  readonly #vcpu: Vcpu;
  #from: number;

  constructor(mem: Shared, machine: Machine, vcpu: Vcpu) {
    this.#mem = mem;
    this.#machine = machine;
    this.#vcpu = vcpu;
    this.#from = performance.now();
  }

  /** Between two accesses of the guest. */
  rest(): void {
    const now = performance.now();
    const { control, vm } = this.#machine;
    const percent = this.#mem.load32(control.throttle);
    if (percent === 0) this.#from = now;
    if (now - this.#from < TIMESLICE_MS) return;
    // Outside, so that nobody waits for a vCPU that sleeps.
    leaveGuest(this.#mem, this.#vcpu);
    this.#mem.wait(control.throttle, percent, (TIMESLICE_MS * percent) / (100 - percent));
    enterGuest(this.#mem, vm, this.#vcpu);
    this.#from = performance.now();
  }
}
