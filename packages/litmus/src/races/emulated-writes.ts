// A vCPU whose slow faults find no memory, as if the page were write-tracked: the write is emulated, here it is given up.
// The fast path still repairs what it may.
import type { Vcpu } from '@faultline/mmu';

export function emulateSlowFaults({ fault: { memslots } }: Vcpu): void {
  Object.assign(memslots, { slots: [], last: undefined });
}
