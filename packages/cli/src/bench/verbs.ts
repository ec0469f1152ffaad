// Which operations on shared memory a fast fault makes: counted in the code that ships, by recording one.
import { createAlone, record } from '@faultline/atomics';
import {
  createMemslot,
  enterGuest,
  type Gfn,
  type Gpa,
  getDirtyLog,
  type Hvn,
  initVm,
  KVM_MEM_LOG_DIRTY_PAGES,
  leaveGuest,
  newVcpu,
  PFERR_PRESENT_MASK,
  PFERR_WRITE_MASK,
  pageFault,
  seamSize,
  vmConfig,
  write32,
} from '@faultline/mmu';

/** How often each verb of the seam is called by one fault that the fast path repairs. */
export function verbsOfFastFault(): Record<string, number> {
  const config = vmConfig({ vcpus: 1, agents: 1, hostPages: 1 });
  const mem = createAlone(seamSize(config));
  const vm = initVm(mem, config, mem.memory.map);
  const flags = KVM_MEM_LOG_DIRTY_PAGES;
  createMemslot(mem, vm, { id: 0, baseGfn: 0 as Gfn, npages: 1, hvn: 0 as Hvn, flags });
  const vcpu = newVcpu(0);
  enterGuest(mem, vm, vcpu);
  write32(mem, vm, vcpu, 0 as Gpa, 1);
  leaveGuest(mem, vcpu);
  getDirtyLog(mem, vm, 0);
  enterGuest(mem, vm, vcpu);
  const { log } = record((recorded) => {
    const code = PFERR_PRESENT_MASK | PFERR_WRITE_MASK;
    pageFault(recorded, vm, vcpu.fault, 0 as Gpa, code);
  }, mem);
  const counts: Record<string, number> = {};
  for (const { operation } of log) {
    // On threads a read section costs nothing.
    if (operation.bytes > 0) counts[operation.verb] = (counts[operation.verb] ?? 0) + 1;
  }
  return counts;
}
