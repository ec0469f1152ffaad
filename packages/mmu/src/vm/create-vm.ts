// A VM in a fresh memory. KVM: kvm_create_vm().
import type { SeamMap, Shared } from '@faultline/atomics';
import { type Geometry, X86_64 } from '../address.ts';
import { HOST_PFN_LIMIT } from '../host/host-pte.ts';
import { initPageFrames } from '../host/page-frames.ts';
import { MANUAL_DIRTY_LOG_PROTECT, type Vm, type VmConfig, vmMap } from '../memory-map.ts';
import { initRoots } from './roots.ts';

const TLB_POLL = 64;
/** A table of 4K pages. */
const YIELD_INTERVAL = 512;

/** What has to be said of a VM; the rest has a default. */
export type VmOptions = Partial<VmConfig> & Pick<VmConfig, 'vcpus' | 'hostPages'>;

/**
 * Leaf tables for slots in any place, and their upper tables: for two roots, since all may be mapped under one while the
 * other is still zapped. And what the threads' pools and the MMIO sptes hold.
 */
const tableFramesFor = ({ hostPages, vcpus }: VmOptions, { indexBits }: Geometry): number =>
  2 * (Math.ceil(hostPages / (1 << indexBits)) + 128) + 64 * vcpus;

/** Fills in defaults. Throws a RangeError naming the option that cannot be. */
export function vmConfig(options: VmOptions): VmConfig {
  const geometry = options.geometry ?? X86_64;
  const { hostPages } = options;
  const config: VmConfig = {
    agents: 1,
    geometry,
    pageWords: 1024,
    // Merged pages outlive their sharers for a while.
    pageFrames: hostPages + Math.ceil(hostPages / 8) + 64,
    tableFrames: tableFramesFor(options, geometry),
    dirtyClients: 1,
    manualDirtyLogProtect: 'none',
    dirtyRing: 0,
    faultPath: 'current',
    faultLock: options.mmu === 'legacy' ? 'exclusive' : 'shared',
    mmu: 'tdp',
    ptePrefetch: options.mmu === 'legacy',
    mmioCaching: true,
    transparentHugepage: 'never',
    eagerPageSplit: true,
    adBits: true,
    pml: false,
    slotZapAll: true,
    zapGranularity: '4K',
    pollInterval: TLB_POLL,
    yieldInterval: YIELD_INTERVAL,
    ...options,
  };
  const check = (name: keyof VmConfig, least: number, most: number): void => {
    const value = config[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
      return;
    throw new RangeError(`expected ${name} between ${least} and ${most}, got ${value}`);
  };
  if (!((geometry.levels - 1) * geometry.indexBits < 32)) {
    throw new RangeError(
      'expected (levels - 1) * indexBits below 32: no memslot lies beyond gfn 2^32',
    );
  }
  if (config.transparentHugepage === 'always' && geometry.levels < 2) {
    throw new RangeError('expected a second level for huge pages, got a geometry of one');
  }
  if (config.pml && !config.adBits) {
    throw new RangeError('expected adBits with pml, got pml alone: it logs what D is set for');
  }
  if (config.mmu === 'legacy' && config.faultLock === 'shared') {
    throw new RangeError("expected faultLock 'exclusive' with mmu 'legacy', got 'shared'");
  }
  check('vcpus', 1, 64);
  check('agents', 1, 64);
  check('hostPages', 1, 2 ** 22);
  // Guest memory is indexed by a 32-bit number of its words.
  check('pageFrames', 1, Math.min(HOST_PFN_LIMIT, Math.floor(2 ** 32 / config.pageWords)));
  check('tableFrames', 2, 2 ** 20);
  check('dirtyClients', 0, 32);
  check('pollInterval', 0, 2 ** 20);
  check('yieldInterval', 1, 2 ** 32);
  check('dirtyRing', 0, KVM_DIRTY_RING_MAX_ENTRIES);
  checkDirtyLog(config);
  return config;
}

const KVM_DIRTY_RING_MAX_ENTRIES = 65536;

function checkDirtyLog({ dirtyRing, manualDirtyLogProtect, pml }: VmConfig): void {
  if (dirtyRing === 1 || (dirtyRing & (dirtyRing - 1)) !== 0) {
    throw new RangeError(
      `expected dirtyRing to be 0 or a power of two from 2 on, got ${dirtyRing}`,
    );
  }
  if (!MANUAL_DIRTY_LOG_PROTECT.includes(manualDirtyLogProtect)) {
    const known = MANUAL_DIRTY_LOG_PROTECT.join(', ');
    throw new RangeError(
      `expected manualDirtyLogProtect of ${known}, got ${manualDirtyLogProtect}`,
    );
  }
  // What a vCPU's buffer holds when it is drained may be more than a ring has room for.
  if (dirtyRing !== 0 && pml) {
    throw new RangeError(`expected a dirty ring or PML, got ${dirtyRing} entries and PML`);
  }
  // A harvest of the bitmap that clears nothing would leave what does not fit in the rings unprotected.
  if (dirtyRing !== 0 && manualDirtyLogProtect !== 'none') {
    throw new RangeError(
      `expected a dirty ring or manual protection, got ${dirtyRing} entries and ${manualDirtyLogProtect}`,
    );
  }
}

/** Writes the first state of a VM into a memory of `seamSize(config)`. One thread, once; the others get the result. */
export function initVm(mem: Shared, config: VmConfig, map: SeamMap): Vm {
  const vm = vmMap(config, map, [mem.alloc(), mem.alloc()]);
  initRoots(mem, vm);
  initPageFrames(mem, vm);
  return vm;
}
