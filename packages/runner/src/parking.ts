// vCPUs that stand between two batches of touches: there what a guest program is, beside its memory, is how many batches it has
// made. A pause by the MMU (pauseVcpus) stops them anywhere, also between a store and its entry in the ledger.
//
//   VMM                             | vCPU, between two batches
//   park := odd                     | park odd? leave the guest (its log is drained)
//   sleep until parked[all] = park  | parked := park, notify; sleep while park is what it was
//   ... the guest stands still ...  |
//   park := even, notify            | enter the guest
//
// `park` never has the same odd number twice: a vCPU that has not woken up yet is not taken for one that stands again.
import type { Shared } from '@faultline/atomics';
import { enterGuest, leaveGuest, type Vcpu, type Vm } from '@faultline/mmu';
import { type Control, setThrottle } from './control.ts';

const ENDED = -1;
const LOOK_MS = 1;

/** A vCPU's side. */
export function parkIfAsked(mem: Shared, vm: Vm, control: Control, vcpu: Vcpu): void {
  let park = mem.load32(control.park);
  if ((park & 1) === 0) return;
  leaveGuest(mem, vcpu);
  for (; (park & 1) !== 0; park = mem.load32(control.park)) {
    sayParked(mem, control, vcpu.id, park);
    mem.waitWhile(control.park, park);
  }
  enterGuest(mem, vm, vcpu);
}

/** A vCPU that has ended is not waited for. */
export const parkForEver = (mem: Shared, control: Control, vcpu: number): void =>
  sayParked(mem, control, vcpu, ENDED);

function sayParked(mem: Shared, control: Control, vcpu: number, park: number): void {
  const word = control.parked[vcpu] as number;
  mem.store32(word, park);
  mem.notify(word);
}

/** The VMM's side. `meanwhile` is called while vCPUs are waited for, which may wait for the VMM themselves. */
export function parkVcpus(mem: Shared, control: Control, meanwhile: () => void): void {
  const park = mem.load32(control.park) | 1;
  mem.store32(control.park, park);
  setThrottle(mem, control, 0); // one that sleeps its share off would be waited for
  for (const word of control.parked) {
    for (;;) {
      const parked = mem.load32(word);
      if (parked === park || parked === ENDED) break;
      mem.wait(word, parked, LOOK_MS);
      meanwhile();
    }
  }
}

export function unparkVcpus(mem: Shared, control: Control): void {
  mem.store32(control.park, (mem.load32(control.park) | 1) + 1);
  mem.notify(control.park);
}

export const areParked = (mem: Shared, control: Control): boolean =>
  (mem.load32(control.park) & 1) !== 0;
