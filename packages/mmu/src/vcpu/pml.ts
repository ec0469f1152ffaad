// Page-modification logging: hardware writes down the gfn of each leaf that it sets D in, into a buffer of the vCPU's own.
// Whenever the vCPU leaves the guest, for whatever reason, the buffer goes into the dirty log. KVM: vmx_flush_pml_buffer().
import type { Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { Vm } from '../memory-map.ts';
import { gfnToMemslot, type MemslotCache } from '../vm/memslots.ts';

/** Entries of the buffer. KVM: PML_LOG_NR_ENTRIES. */
export const PML_LOG_NR_ENTRIES = 512;

export interface PmlBuffer {
  /** In the order of the stores. */
  readonly gfns: Gfn[];
  /** The VM whose log they are for: leaving the guest does not name it. */
  vm: Vm | undefined;
}

export const newPmlBuffer = (): PmlBuffer => ({ gfns: [], vm: undefined });

export const isPmlFull = ({ gfns }: PmlBuffer): boolean => gfns.length === PML_LOG_NR_ENTRIES;

/** What hardware does when it has set D. */
export function logToPml(pml: PmlBuffer, vm: Vm, gfn: Gfn): void {
  pml.vm = vm;
  pml.gfns.push(gfn);
}

/**
 * Empties the buffer into the log. Still in the guest, as the memslots are this vCPU's; and before anybody can see it outside or
 * its requests taken, because a harvest waits for just that and then takes the log. Litmus: pml-drained-too-late.
 */
export function flushPmlBuffer(mem: Shared, pml: PmlBuffer, memslots: MemslotCache): void {
  const { gfns, vm } = pml;
  if (gfns.length === 0 || vm === undefined) return;
  mem.enterRead();
  for (const gfn of gfns) markPageDirty(mem, vm, gfnToMemslot(mem, vm, memslots, gfn), gfn);
  mem.exitRead();
  gfns.length = 0;
}
