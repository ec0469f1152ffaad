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
  /** Per vCPU: how many actions it has come up to. */
  readonly reached: readonly number[];
}

export const controlBytes = ({ vcpus }: Pick<VmConfig, 'vcpus'>): number => (4 + vcpus) * LINE;

export const controlAt = (address: number, { vcpus }: Pick<VmConfig, 'vcpus'>): Control => ({
  stop: address,
  epoch: address + LINE,
  ksm: address + 2 * LINE,
  throttle: address + 3 * LINE,
  reached: Array.from({ length: vcpus }, (_, vcpu) => address + (4 + vcpu) * LINE),
});

export const isStopped = (mem: Shared, control: Control): boolean => mem.load32(control.stop) !== 0;

/** Ends all threads, those that sleep for a signal of this control included. */
export function stopAll(mem: Shared, control: Control): void {
  mem.store32(control.stop, 1);
  mem.notify(control.stop);
  mem.or32(control.ksm, 2); // any change wakes a ksmd that waits for work
  mem.notify(control.ksm);
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
