// A vCPU whose slow faults find no memory, as if the page were write-tracked: the write is emulated, here it is given up.
// The fast path still repairs what it may.
import type { Vcpu, VmConfig } from '@faultline/mmu';

/** The page is there all the same, and nobody is to say otherwise in its spte. */
export const WITHOUT_MMIO_SPTES: Partial<VmConfig> = { mmioCaching: false };

export function emulateSlowFaults({ fault: { memslots } }: Vcpu): void {
  Object.assign(memslots, { slots: [], last: undefined });
}
