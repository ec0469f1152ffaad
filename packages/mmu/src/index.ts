export type { Geometry, Gfn, Gpa, Gva, Hva, Hvn, Pfn, Sptep } from './address.ts';
export {
  gfnToGpa,
  gpaToGfn,
  hvaToHvn,
  hvnToHva,
  PAGE_SIZE,
  PAGE_WORDS,
  X86_64,
} from './address.ts';
export { markPageDirty } from './dirty/dirty-bitmap.ts';
export { getDirtyLog, takeDirty } from './dirty/harvest.ts';
export type * from './event.ts';
export {
  formatErrorCode,
  PFERR_FETCH_MASK,
  PFERR_GUEST_FINAL_MASK,
  PFERR_GUEST_PAGE_MASK,
  PFERR_NAMES,
  PFERR_PK_MASK,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFaultCanBeFast,
} from './fault/error-code.ts';
export { fastPageFault } from './fault/fast-page-fault.ts';
export { fastPageFault2012 } from './fault/fast-page-fault-2012.ts';
export { newPageFault, type PageFault } from './fault/fault.ts';
export { pageFault } from './fault/page-fault.ts';
export {
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './fault/ret-pf.ts';
export { slowPageFault } from './fault/slow-page-fault.ts';
export { faultInHostPage } from './host/fault-in.ts';
export {
  HOST_PTE_KSM,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  isHostPteKsm,
  isHostPtePresent,
  isHostPteWritable,
} from './host/host-pte.ts';
export { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from './host/ksm.ts';
export { invalidateRangeEnd, invalidateRangeStart } from './host/mmu-notifier.ts';
export {
  allocPage,
  isSameContent,
  pageBase,
  pageRefcount,
  putPage,
} from './host/page-frames.ts';
export {
  type FaultLock,
  type FaultPath,
  type SharedWord,
  seamSize,
  sharedWords,
  type Vm,
  type VmConfig,
} from './memory-map.ts';
export { makeSpte } from './spte/make-spte.ts';
export { formatSpte, illegalState, isShadowPresent, isWritable, spteToPfn } from './spte/spte.ts';
export { read32, write32 } from './vcpu/access.ts';
export { enterGuest, leaveGuest, poll } from './vcpu/run.ts';
export { type FaultObserver, newVcpu, type Vcpu, type VcpuStat } from './vcpu/vcpu.ts';
export { initVm, type VmOptions, vmConfig } from './vm/create-vm.ts';
export { flushRemoteTlbs } from './vm/flush-remote-tlbs.ts';
export { KVM_MEM_LOG_DIRTY_PAGES, type Memslot, readMemslots } from './vm/memslots.ts';
export { pauseVcpus, resumeVcpus } from './vm/pause.ts';
export { createMemslot, deleteMemslot, setMemslotFlags } from './vm/set-memory-region.ts';
export { forEachSpte } from './vm/tdp-iter.ts';
