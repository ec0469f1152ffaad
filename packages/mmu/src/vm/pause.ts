// Stopping all vCPUs between two guest accesses, and letting them go on. QEMU: pause_all_vcpus(), resume_all_vcpus().
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';
import { REQ_PAUSE, requestAllVcpus } from './vcpu-mode.ts';

/**
 * When it returns, no guest loads or stores until `resumeVcpus`; a slow fault under way may still get or copy its page,
 * and marks it, but its store waits. One thread at a time.
 */
export function pauseVcpus(mem: Shared, vm: Vm): void {
  assertOutside(mem);
  mem.store32(vm.at.vcpus_paused, 1);
  requestAllVcpus(mem, vm, REQ_PAUSE);
}

export function resumeVcpus(mem: Shared, vm: Vm): void {
  mem.store32(vm.at.vcpus_paused, 0);
  mem.notify(vm.at.vcpus_paused);
}
