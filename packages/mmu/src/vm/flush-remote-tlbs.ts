// Makes every vCPU forget its translations, and returns when none can use an old one any more.
//
// Must be called before mmu_lock is released: after a leaf was zapped for a notifier, after MMU_WRITABLE was cleared,
// after a table was unlinked. May be called after it, before returning to the log's reader: when only W was cleared.
// Need not be called: when rights were added, or nothing was present.
import type { Shared } from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';
import { KVM_REQ_TLB_FLUSH, requestAllVcpus } from './vcpu-mode.ts';

/** Callers that are vCPUs are OUTSIDE_GUEST_MODE: two that waited for each other from inside would never end. */
export function flushRemoteTlbs(mem: Shared, vm: Vm): void {
  requestAllVcpus(mem, vm, KVM_REQ_TLB_FLUSH);
}
