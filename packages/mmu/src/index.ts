export type { Geometry, Gfn, Gpa, Gva, Hva, Hvn, Pfn, Sptep } from './address.ts';
export {
  firstGfn,
  gfnToGpa,
  gpaToGfn,
  hugePageOf,
  hvaToHvn,
  hvnToHva,
  PAGE_SIZE,
  PAGE_WORDS,
  pagesPerEntry,
  X86_64,
} from './address.ts';
export { type ClearRange, clearDirtyLog } from './dirty/clear-dirty-log.ts';
export { clientBitmap, markPageDirty } from './dirty/dirty-bitmap.ts';
export {
  dirtyGfnAt,
  dirtyGfnOffset,
  dirtyGfnSlot,
  dirtyIndex,
  harvestIndex,
  isDirtyRingSoftFull,
  KVM_DIRTY_GFN_F_DIRTY,
  KVM_DIRTY_GFN_F_RESET,
  resetIndex,
  waitForReset,
} from './dirty/dirty-ring.ts';
export { getDirtyLog, takeDirty } from './dirty/harvest.ts';
export { type DirtyGfnVisitor, harvestRings, resetDirtyRings } from './dirty/reset-rings.ts';
export type * from './event.ts';
export { directPtePrefetch, prefetchAround } from './fault/direct-pte-prefetch.ts';
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
  pageFaultCanBeFastAccTrack,
} from './fault/error-code.ts';
export { fastPageFault } from './fault/fast-page-fault.ts';
export { fastPageFault2012 } from './fault/fast-page-fault-2012.ts';
export { fastPageFaultAccTrack } from './fault/fast-page-fault-acc-track.ts';
export { NO_ROOT, newPageFault, type PageFault } from './fault/fault.ts';
export { KVM_PFN_NOSLOT } from './fault/map-target.ts';
export { handleMmioPageFault } from './fault/mmio.ts';
export { pageFault } from './fault/page-fault.ts';
export {
  RET_PF_EFAULT,
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './fault/ret-pf.ts';
export { slowPageFault } from './fault/slow-page-fault.ts';
export { tdpMmuMap } from './fault/tdp-map.ts';
export type { VcpuStat } from './fault/vcpu-stat.ts';
export { ageLeaf, clearYoung, testYoung } from './host/aging.ts';
export { dropPages } from './host/drop-pages.ts';
export { faultInHostPage, HOST_FAULT } from './host/fault-in.ts';
export { pushFreePage } from './host/free-pages.ts';
export {
  HOST_PTE_HUGE,
  HOST_PTE_KSM,
  HOST_PTE_KSM_PROTECTED,
  HOST_PTE_MISSING,
  HOST_PTE_PRESENT,
  HOST_PTE_PROTECTED,
  HOST_PTE_SHARED,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  hostPteSlot,
  isHostPteEmpty,
  isHostPteHuge,
  isHostPteKsm,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteProtected,
  isHostPteShared,
  isHostPteWritable,
  makeHostPte,
  makeMissingHostPte,
} from './host/host-pte.ts';
export { changeHostPtes, collapseHugePage } from './host/huge-page.ts';
export { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from './host/ksm.ts';
export { installPage, markMissing, type SwapSlot, swapOut } from './host/missing-pages.ts';
export { invalidateRangeEnd, invalidateRangeStart, isInvalidating } from './host/mmu-notifier.ts';
export { movePage } from './host/move-page.ts';
export {
  PG_DIRTY,
  PG_REFERENCED,
  pageFlags,
  setPfnDirty,
  tellHostPage,
} from './host/page-flags.ts';
export {
  allocPage,
  copyPage,
  getPage,
  isSameContent,
  pageBase,
  pageRefcount,
  putPage,
  tryGetPage,
} from './host/page-frames.ts';
export {
  answerPageRequests,
  nextPageRequest,
  requestPage,
  waitForPageRequest,
} from './host/page-request.ts';
export { protectPages, unprotectPages } from './host/protect-pages.ts';
export { replacePages, sharePages, type VisitFrame } from './host/share-pages.ts';
export { mmuSpteRestore } from './legacy/mmu-spte.ts';
export { forEachRmapSpte, rmapHead } from './legacy/rmap.ts';
export { getShadowPage, linkShadowPage } from './legacy/shadow-page.ts';
export { commitZapPage, prepareZapPage } from './legacy/zap-page.ts';
export {
  type FaultLock,
  type FaultPath,
  MANUAL_DIRTY_LOG_PROTECT,
  type ManualDirtyLogProtect,
  type MmuKind,
  type SharedWord,
  seamSize,
  sharedWords,
  type Vm,
  type VmConfig,
  vmMap,
} from './memory-map.ts';
export { markForAccessTrack, restoreAccTrack, withoutAdBits } from './spte/acc-track.ts';
export { makeNonleafSpte, makeSmallSpte, makeSpte } from './spte/make-spte.ts';
export { makeMmioSpte, mmioSpteGeneration, mmioSpteGfn } from './spte/mmio-spte.ts';
export {
  FROZEN_SPTE,
  formatSpte,
  hasVolatileBits,
  illegalState,
  isAccessAllowed,
  isAccessed,
  isAccessTracked,
  isAdEnabled,
  isDirty,
  isFrozen,
  isHostWritable,
  isLastSpte,
  isMmioSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  leadsToTable,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  PT_PAGE_SIZE_MASK,
  PT_WRITABLE_MASK,
  SHADOW_NONPRESENT,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_WRITABLE,
  spteToPfn,
} from './spte/spte.ts';
export { clearSpteBits, owesFlush, setSpteAtomic, writeSpte } from './spte/update-spte.ts';
export { childTable, entryAt, initTable, tableFrame, walkToLastSptep } from './spte/walk.ts';
export { read32, translateRead, translateWrite, write32 } from './vcpu/access.ts';
export {
  flushPmlBuffer,
  isPmlFull,
  logToPml,
  newPmlBuffer,
  PML_LOG_NR_ENTRIES,
  type PmlBuffer,
} from './vcpu/pml.ts';
export { enterGuest, leaveGuest, poll } from './vcpu/run.ts';
export { newTlb, TLB_ENTRIES, TLB_LENGTH, type Tlb } from './vcpu/tlb.ts';
export {
  type FaultObserver,
  type MemoryFaultHandler,
  type MmioHandler,
  newVcpu,
  type Vcpu,
} from './vcpu/vcpu.ts';
export { initVm, type VmOptions, vmConfig } from './vm/create-vm.ts';
export { flushRemoteTlbs } from './vm/flush-remote-tlbs.ts';
export { walkShadowPageLocklessBegin, walkShadowPageLocklessEnd } from './vm/lockless-walk.ts';
export { maxMappingLevel } from './vm/mapping-level.ts';
export {
  gfnToHvn,
  gfnToMemslot,
  installMemslots,
  isLogged,
  isReadonly,
  isSameMemslots,
  isUpdateInProgress,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KVM_MEMSLOT_INVALID,
  type Memslot,
  mmioGeneration,
  readMemslots,
} from './vm/memslots.ts';
export { pauseVcpus, resumeVcpus } from './vm/pause.ts';
export { zapCollapsibleSptes } from './vm/recover-huge-pages.ts';
export { initRoots, invalidRoot, validRoot } from './vm/roots.ts';
export {
  createMemslot,
  deleteMemslot,
  moveMemslot,
  setMemslotFlags,
} from './vm/set-memory-region.ts';
export { splitHugePage, trySplitHugePages } from './vm/split-huge-page.ts';
export { forEachSpte, type GfnRange } from './vm/tdp-iter.ts';
export {
  IN_GUEST_MODE,
  KVM_REQ_DIRTY_RING_SOFT_FULL,
  KVM_REQ_MMU_FREE_OBSOLETE_ROOTS,
  KVM_REQ_TLB_FLUSH,
  OUTSIDE_GUEST_MODE,
  READING_SHADOW_PAGE_TABLES,
  REQ_EXIT,
  REQ_PAUSE,
  requestAllVcpus,
} from './vm/vcpu-mode.ts';
export { protectRange } from './vm/write-protect.ts';
export { inStretches } from './vm/yield.ts';
export { zapLeafs, zapLeafsOf, zapRange } from './vm/zap.ts';
export { invalidateRoot, zapAllFast } from './vm/zap-all-fast.ts';
export { zapAll, zapInvalidRoot } from './vm/zap-root.ts';
