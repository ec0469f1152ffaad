// The machine's own shared words, behind the MMU's: how its threads start, keep step and stop.
import type { Shared } from '@faultline/atomics';
import type { VmConfig } from '@faultline/mmu';

const LINE = 64;

/** Byte addresses; each word on a cache line of its own. */
export interface Control {
  /** 1 when every thread should come to an end. */
  readonly stop: number;
  /** How many actions of a plan have been started: a vCPU may go as far as the next one. */
  readonly epoch: number;
  /** 1 while ksmd should scan. */
  readonly ksm: number;
  /** Percent of its time that a vCPU spends outside the guest, asleep: 0 to 99. */
  readonly throttle: number;
  /** Odd while the vCPUs should stand between two batches of touches; another number each time. */
  readonly park: number;
  /** Moves on when `upTo` or `live` has changed. */
  readonly arrival: number;
  /** 1 when a guest that has arrived may touch its memory. */
  readonly live: number;
  /** Per vCPU: how many actions it has come up to. */
  readonly reached: readonly number[];
  /** Per vCPU: the `park` for which it stands; -1 when it has ended. */
  readonly parked: readonly number[];
  /** Per vCPU: batches of touches that it has made since it began. */
  readonly batches: readonly number[];
  /** Per vCPU of a guest that arrives: as many batches as it had made at the source. */
  readonly upTo: readonly number[];
}

const WORDS = 7;
const WORDS_PER_VCPU = 4;

export const controlBytes = ({ vcpus }: Pick<VmConfig, 'vcpus'>): number =>
  (WORDS + WORDS_PER_VCPU * vcpus) * LINE;

export const controlAt = (address: number, { vcpus }: Pick<VmConfig, 'vcpus'>): Control => ({
  ...perVcpu(address + WORDS * LINE, vcpus),
  stop: address,
  epoch: address + LINE,
  ksm: address + 2 * LINE,
  throttle: address + 3 * LINE,
  park: address + 4 * LINE,
  arrival: address + 5 * LINE,
  live: address + 6 * LINE,
});

function perVcpu(
  address: number,
  vcpus: number,
): Pick<Control, 'reached' | 'parked' | 'batches' | 'upTo'> {
  const row = (number: number): number[] =>
    Array.from({ length: vcpus }, (_, vcpu) => address + (number * vcpus + vcpu) * LINE);
  return { reached: row(0), parked: row(1), batches: row(2), upTo: row(3) };
}

export const isStopped = (mem: Shared, control: Control): boolean => mem.load32(control.stop) !== 0;

/** Ends all threads, those that sleep for a signal of this control included. */
export function stopAll(mem: Shared, control: Control): void {
  mem.store32(control.stop, 1);
  mem.notify(control.stop);
  mem.or32(control.ksm, 2); // any change wakes a ksmd that waits for work
  mem.notify(control.ksm);
  for (const word of [control.park, control.arrival]) {
    mem.store32(word, (mem.load32(word) | 1) + 1); // even, and another number than before
    mem.notify(word);
  }
  setThrottle(mem, control, 0);
}

/** Slows the vCPUs down; those that are asleep for it look again at once. */
export function setThrottle(mem: Shared, control: Control, percent: number): void {
  mem.store32(control.throttle, percent);
  mem.notify(control.throttle);
}

/** Sleeps, but not beyond a stop. */
export const sleep = (mem: Shared, control: Control, ms: number): number =>
  mem.wait(control.stop, 0, ms);
