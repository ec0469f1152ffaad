// Every word that threads share, by KVM's name where KVM has it. docs/locking.md says of each who writes it under what,
// and what its readers rely on; a test holds the two lists against each other.
import type { SeamMap, SeamSize } from '@faultline/atomics';
import { type Geometry, gfnLimit, type Sptep } from './address.ts';

/** Which of a write-protection fault's repairs is tried before the slow path: none, that of 2012, that of 6.12. */
export const FAULT_PATHS = ['slow', 'merged', 'current'] as const;
/** `Vm.fastPath` of `current` without A/D bits: one past the indexes of FAULT_PATHS. */
export const CURRENT_ACC_TRACK: number = FAULT_PATHS.length;
export type FaultPath = (typeof FAULT_PATHS)[number];

/** How slow faults hold mmu_lock: as the TDP MMU does, or as the legacy MMU must. */
export type FaultLock = 'shared' | 'exclusive';

/**
 * KVM: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, off, with KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, or with KVM_DIRTY_LOG_INITIALLY_SET
 * too: then all pages count as dirty when logging begins, and none is protected.
 */
export const MANUAL_DIRTY_LOG_PROTECT = ['none', 'enable', 'initially-set'] as const;
export type ManualDirtyLogProtect = (typeof MANUAL_DIRTY_LOG_PROTECT)[number];
/** Which MMU maps the guest: KVM's module parameter tdp_mmu, Y or N. With N it is the shadow MMU, of direct pages only. */
export type MmuKind = 'tdp' | 'legacy';

export interface VmConfig {
  readonly vcpus: number;
  /** Threads beside the vCPUs that touch the VM: KSM, migration, the VMM itself. */
  readonly agents: number;
  readonly geometry: Geometry;
  /** 32-bit words of a page of guest memory: 1024, or less in a model. */
  readonly pageWords: number;
  /** Pages of the VMM's memory: every memslot lies in it. */
  readonly hostPages: number;
  /** Page frames of the host that back them. */
  readonly pageFrames: number;
  /** Page-table frames. */
  readonly tableFrames: number;
  /** Readers of the dirty log, each with a bitmap of its own. */
  readonly dirtyClients: number;
  /** Whether a harvest clears the log and protects its pages, or leaves both to clearDirtyLog. */
  readonly manualDirtyLogProtect: ManualDirtyLogProtect;
  /** Entries of each vCPU's dirty ring, a power of two; 0 for none: then all is in the bitmap. */
  readonly dirtyRing: number;
  readonly faultPath: FaultPath;
  readonly faultLock: FaultLock;
  readonly mmu: MmuKind;
  /** Of the legacy MMU: does a fault map neighbours of its page in advance? KVM always does, where hardware sets A. */
  readonly ptePrefetch: boolean;
  /** Are gfns without memory remembered in sptes? KVM: the module parameter mmio_caching. */
  readonly mmioCaching: boolean;
  /** Linux: /sys/kernel/mm/transparent_hugepage/enabled. With 'always' the host backs memory by huge pages where it can. */
  readonly transparentHugepage: 'never' | 'always';
  /** KVM's module parameter, of the TDP MMU: large leaves are split when their slot's log begins, not in the first fault on each. */
  readonly eagerPageSplit: boolean;
  /** Does hardware set A and D in sptes? Without, sptes are access-tracked. KVM: kvm_ad_enabled. */
  readonly adBits: boolean;
  /**
   * Is all of the page table zapped when a memslot goes or moves, by giving up its root, or what the slot maps alone?
   * KVM: KVM_X86_QUIRK_SLOT_ZAP_ALL, on unless the VMM switches it off.
   */
  readonly slotZapAll: boolean;
  /** What a root that is given up loses at once. KVM: the lowest zap_level of tdp_mmu_zap_root(), 1G before 6.9. */
  readonly zapGranularity: '4K' | '1G';
  /** Does hardware log what it sets D for? Then harvests clear D and not W. Needs `adBits`. KVM: enable_pml. */
  readonly pml: boolean;
  /** Guest accesses between two looks at the vCPU's requests. */
  readonly pollInterval: number;
  /** Guest frames of a range that are worked off before mmu_lock, held for writing, is given up for a moment. */
  readonly yieldInterval: number;
}

export const MEMSLOTS = 32;
export const MEMSLOT_WORDS = 4;
/** An entry of a dirty ring, and the indices of one. KVM: struct kvm_dirty_gfn. */
export const DIRTY_GFN_BYTES = 16;
export const DIRTY_RING_INDEX_BYTES = 16;
/** Bytes of a shadow page's header. */
export const SHADOW_PAGE_BYTES = 16;
const LINE = 64;

/** Bytes of each area, in order; each begins on a cache line of its own. */
export function sharedWords(config: VmConfig): Record<SharedWord, number> {
  const bitmap = Math.ceil(config.hostPages / 32) * 4;
  return {
    mmu_lock: 4,
    mmu_valid_gen: 4,
    mmu_invalidate_seq: 4,
    mmu_invalidate_in_progress: 4,
    mmu_invalidate_range: 8,
    slots_lock: 4,
    memslots: 4,
    memslot_arrays: 2 * MEMSLOTS * MEMSLOT_WORDS * 4,
    mn_invalidate_lock: 4,
    mn_active_invalidate_count: 4,
    vcpus_paused: 4,
    dirty_bitmap: bitmap,
    client_bitmaps: bitmap * config.dirtyClients,
    host_page_table_lock: 4,
    host_page_table: config.hostPages * 4,
    page_refcount: config.pageFrames * 4,
    page_flags: config.pageFrames * 4,
    free_pages_lock: 4,
    free_pages: 4 + config.pageFrames * 4,
    free_page_index: hasHugePages(config) ? config.pageFrames * 4 : 0,
    free_pages_in_block: hasHugePages(config) ? hugePageBlocks(config) * 4 : 0,
    dirty_ring_index: config.dirtyRing === 0 ? 0 : config.vcpus * DIRTY_RING_INDEX_BYTES,
    dirty_rings: config.vcpus * config.dirtyRing * DIRTY_GFN_BYTES,
    page_requests: (config.vcpus + config.agents) * 4,
    page_request_seq: 4,
    shadow_pages: isLegacy(config) ? config.tableFrames * SHADOW_PAGE_BYTES : 0,
    rmap_heads: isLegacy(config) ? (config.hostPages + hugeHvns(config)) * 4 : 0,
    rmap_links: isLegacy(config) ? config.tableFrames * tableBytes(config.geometry) : 0,
  };
}

export type SharedWord =
  | 'mmu_lock'
  | 'mmu_valid_gen'
  | 'mmu_invalidate_seq'
  | 'mmu_invalidate_in_progress'
  | 'mmu_invalidate_range'
  | 'slots_lock'
  | 'memslots'
  | 'memslot_arrays'
  | 'mn_invalidate_lock'
  | 'mn_active_invalidate_count'
  | 'vcpus_paused'
  | 'dirty_bitmap'
  | 'client_bitmaps'
  | 'host_page_table_lock'
  | 'host_page_table'
  | 'page_refcount'
  | 'page_flags'
  | 'free_pages_lock'
  | 'free_pages'
  | 'free_page_index'
  | 'free_pages_in_block'
  | 'dirty_ring_index'
  | 'dirty_rings'
  | 'page_requests'
  | 'page_request_seq'
  | 'shadow_pages'
  | 'rmap_heads'
  | 'rmap_links';

const isLegacy = ({ mmu }: VmConfig): boolean => mmu === 'legacy';
/** Aligned stretches of the VMM's memory that a large leaf could map, and what is left at its end. */
const hugeHvns = ({ hostPages, geometry }: VmConfig): number =>
  Math.ceil(hostPages / (1 << geometry.indexBits));

const hasHugePages = ({ transparentHugepage }: VmConfig): boolean =>
  transparentHugepage === 'always';
/** Aligned stretches of frames that a huge page could take, whole ones only. */
export const hugePageBlocks = ({ pageFrames, geometry }: VmConfig): number =>
  pageFrames >>> geometry.indexBits;

/** The constants of one VM; every thread that touches it has a copy (structured clone). KVM: struct kvm. */
export interface Vm extends VmConfig {
  /** Byte address of each shared word or array. */
  readonly at: Readonly<Record<SharedWord, number>>;
  /** One is in use, by `mmu_valid_gen`; the other is on its way out, or empty. See vm/roots.ts. */
  readonly roots: readonly [Sptep, Sptep];
  /** Address of table frame 0, and the shift from a frame number to its offset. */
  readonly tablesAt: number;
  readonly tableShift: number;
  /** One past the last gfn that the page table can map. */
  readonly gfnLimit: number;
  /** Of a walk's first step: how far down a gfn's index lies, and the bits of its offset in the table, as of any level. */
  readonly rootShift: number;
  readonly offsetMask: number;
  /** The largest leaf: 2 where the host has huge pages, else 1. */
  readonly maxLevel: number;
  /** Index of `faultPath` in FAULT_PATHS, or CURRENT_ACC_TRACK. Strings that came from another thread are compared letter by letter. */
  readonly fastPath: number;
  /** Is `mmu` the TDP MMU? KVM: tdp_mmu_enabled. */
  readonly tdpMmuEnabled: boolean;
}

export const tableBytes = ({ indexBits }: Geometry): number => 8 << indexBits;

const alignUp = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;

/** What the seam has to provide for a VM. */
export function seamSize(config: VmConfig): SeamSize {
  const areas = Object.values(sharedWords(config));
  return {
    threads: config.vcpus + config.agents,
    words: areas.reduce((sum, bytes) => sum + alignUp(bytes), 0),
    frames: config.tableFrames,
    frameBytes: tableBytes(config.geometry),
    ram: config.pageFrames * config.pageWords,
  };
}

const fastPathOf = ({ faultPath, adBits }: VmConfig): number =>
  faultPath === 'current' && !adBits ? CURRENT_ACC_TRACK : FAULT_PATHS.indexOf(faultPath);

/** Addresses of all shared words in a memory of `seamSize(config)`. `roots` come from the caller, who allocated them. */
export function vmMap(config: VmConfig, map: SeamMap, roots: readonly [number, number]): Vm {
  let next = map.wordsAt;
  const at = {} as Record<SharedWord, number>;
  for (const [word, bytes] of Object.entries(sharedWords(config)) as [SharedWord, number][]) {
    at[word] = next;
    next += alignUp(bytes);
  }
  const { levels, indexBits } = config.geometry;
  return {
    ...config,
    at,
    roots: roots as readonly number[] as Vm['roots'],
    tablesAt: map.framesAt,
    tableShift: 3 + indexBits,
    gfnLimit: gfnLimit(config.geometry),
    rootShift: (levels - 1) * indexBits,
    offsetMask: tableBytes(config.geometry) - 8,
    maxLevel: hasHugePages(config) ? 2 : 1,
    fastPath: fastPathOf(config),
    tdpMmuEnabled: !isLegacy(config),
  };
}
