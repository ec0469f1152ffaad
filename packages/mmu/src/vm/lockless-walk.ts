// A vCPU that walks page tables without mmu_lock: what keeps them from being freed meanwhile.
//
// The TDP MMU frees after a grace period: a read section is enough, and costs nothing. The legacy MMU frees after a flush:
// the vCPU leaves the guest and says READING_SHADOW_PAGE_TABLES, so that whoever flushes waits for it as for a guest.
//
// READING is said first, and then the requests are looked at. In the other order a flusher whose request came after the look
// and who saw the mode before the store would wait for nobody. Litmus: lockless-walk-mode-stored-plainly.
import { type Shared, setMode } from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';
import { OUTSIDE_GUEST_MODE, READING_SHADOW_PAGE_TABLES, type VcpuMode } from './vcpu-mode.ts';

/** Who walks. */
export interface Walker {
  readonly mode: VcpuMode;
}

/**
 * False when something is asked of this vCPU: then it is outside, has walked nothing, and serves it by entering the guest.
 * KVM walks all the same: its memslots are kept by SRCU, and who pauses its vCPUs waits for their threads to be out of KVM_RUN.
 * Here the mode stands for those too: a walk that begins after a pause has begun could mark a page when the last log is taken.
 */
export function walkShadowPageLocklessBegin(mem: Shared, vm: Vm, { mode }: Walker): boolean {
  mem.enterRead();
  if (vm.tdpMmuEnabled) return true;
  if (setMode(mem, mode, READING_SHADOW_PAGE_TABLES) === 0) return true;
  setMode(mem, mode, OUTSIDE_GUEST_MODE);
  mem.exitRead();
  return false;
}

/** After the last use of what was reached: in the legacy MMU the tables may go with the store of this mode. */
export function walkShadowPageLocklessEnd(mem: Shared, vm: Vm, { mode }: Walker): void {
  if (!vm.tdpMmuEnabled) setMode(mem, mode, OUTSIDE_GUEST_MODE);
  mem.exitRead();
}
