// The shipped code as it was before somebody thought of one thing: the seam, deaf or blind in one place.
import type { Shared } from '@faultline/atomics';

/** Whoever notifies the word at `address` wakes nobody. */
export function withoutNotify(mem: Shared, address: number): Shared {
  const notify = mem.notify.bind(mem);
  mem.notify = (at, count) => (at === address ? 0 : notify(at, count));
  return mem;
}

/** Whoever loads the word at `address` finds `value` there. */
export function withoutLooking(mem: Shared, address: number, value: number): Shared {
  const load32 = mem.load32.bind(mem);
  mem.load32 = (at) => (at === address ? value : load32(at));
  return mem;
}
