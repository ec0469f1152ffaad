// What the host did with its memory: same-page merging, huge pages, and the VMM's system calls.
// KVM: include/trace/events/ksm.h, huge_memory.h, syscalls.h.
import type { Hva, Pfn } from '@faultline/mmu';

/** ksmd looks at all registered memory once more. */
export interface KsmScan {
  readonly event: 'ksm_start_scan' | 'ksm_stop_scan';
  readonly seq: number;
  readonly rmap_entries: number;
}

/** A process registers with KSM, or leaves. `mm` names the process; its value has no other use. */
export interface KsmMm {
  readonly event: 'ksm_enter' | 'ksm_exit';
  readonly mm: number;
}

/** A merged page has no users left. */
export interface KsmRemovePage {
  readonly event: 'ksm_remove_ksm_page';
  readonly pfn: Pfn;
}

/** One page of one process is no longer merged. */
export interface KsmRemoveRmapItem {
  readonly event: 'ksm_remove_rmap_item';
  readonly pfn: Pfn;
  readonly mm: number;
}

/** KSM's advisor set the scan rate. */
export interface KsmAdvisor {
  readonly event: 'ksm_advisor';
  readonly scan_time: number;
  readonly pages_to_scan: number;
  readonly cpu_percent: number;
}

/** 512 small pages became a huge one, or why not: `status` is the kernel's word, as `succeeded`. */
export interface MmCollapseHugePage {
  readonly event: 'mm_collapse_huge_page';
  readonly mm: number;
  readonly isolated: number;
  readonly status: string;
}

/** khugepaged took the pages off their lists. A `scan_pfn` of -1 says that there was none. */
export interface MmCollapseHugePageIsolate {
  readonly event: 'mm_collapse_huge_page_isolate';
  readonly scan_pfn: number;
  readonly none_or_zero: number;
  readonly referenced: number;
  /** Not told by newer kernels, 6.18 for one. */
  readonly writable?: boolean;
  readonly status: string;
}

/** khugepaged looked whether 2 MiB are worth a huge page. */
export interface MmKhugepagedScanPmd {
  readonly event: 'mm_khugepaged_scan_pmd';
  readonly mm: number;
  readonly scan_pfn: number;
  /** Not told by newer kernels, 6.18 for one. */
  readonly writable?: boolean;
  readonly referenced: number;
  readonly none_or_zero: number;
  readonly status: string;
  readonly unmapped: number;
}

/** `cmd` says which, as 4010ae42 for KVM_GET_DIRTY_LOG; `arg` points into the VMM. */
export interface SysEnterIoctl {
  readonly event: 'sys_enter_ioctl';
  readonly fd: number;
  readonly cmd: number;
  readonly arg: number;
}

export interface SysEnterMadvise {
  readonly event: 'sys_enter_madvise';
  readonly start: Hva;
  readonly len_in: number;
  readonly behavior: number;
}

export interface SysEnterMmap {
  readonly event: 'sys_enter_mmap';
  readonly addr: Hva;
  readonly len: number;
  readonly prot: number;
  readonly flags: number;
  readonly fd: number;
  readonly off: number;
}

export interface SysEnterMprotect {
  readonly event: 'sys_enter_mprotect';
  readonly start: Hva;
  readonly len: number;
  readonly prot: number;
}

export interface SysEnterMunmap {
  readonly event: 'sys_enter_munmap';
  readonly addr: Hva;
  readonly len: number;
}

export interface SysEnterMremap {
  readonly event: 'sys_enter_mremap';
  readonly addr: Hva;
  readonly old_len: number;
  readonly new_len: number;
  readonly flags: number;
  readonly new_addr: Hva;
}

/** A system call returned; a negative `ret` is an errno. */
export interface SysExit {
  readonly event:
    | 'sys_exit_ioctl'
    | 'sys_exit_madvise'
    | 'sys_exit_mmap'
    | 'sys_exit_mprotect'
    | 'sys_exit_munmap'
    | 'sys_exit_mremap';
  readonly ret: number;
}

export type HostTraceEvent =
  | KsmScan
  | KsmMm
  | KsmRemovePage
  | KsmRemoveRmapItem
  | KsmAdvisor
  | MmCollapseHugePage
  | MmCollapseHugePageIsolate
  | MmKhugepagedScanPmd
  | SysEnterIoctl
  | SysEnterMadvise
  | SysEnterMmap
  | SysEnterMprotect
  | SysEnterMunmap
  | SysEnterMremap
  | SysExit;
