// A VM in a fresh memory. KVM: kvm_create_vm().
import type { SeamMap, Shared } from '@faultline/atomics';
import { X86_64 } from '../address.ts';
import { HOST_PFN_LIMIT } from '../host/host-pte.ts';
import { initPageFrames } from '../host/page-frames.ts';
import { type Vm, type VmConfig, vmMap } from '../memory-map.ts';
import { initTable } from '../spte/walk.ts';

const TLB_POLL = 64;

/** What has to be said of a VM; the rest has a default. */
export type VmOptions = Partial<VmConfig> & Pick<VmConfig, 'vcpus' | 'hostPages'>;

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
    // Leaf tables for slots in any place, their upper tables, and what the threads' pools and the MMIO sptes hold.
    tableFrames: 2 * Math.ceil(hostPages / (1 << geometry.indexBits)) + 128 + 64 * options.vcpus,
    dirtyClients: 1,
    faultPath: 'current',
    faultLock: 'shared',
    mmioCaching: true,
    transparentHugepage: 'never',
    eagerPageSplit: true,
    pollInterval: TLB_POLL,
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
  check('vcpus', 1, 64);
  check('agents', 1, 64);
  check('hostPages', 1, 2 ** 22);
  // Guest memory is indexed by a 32-bit number of its words.
  check('pageFrames', 1, Math.min(HOST_PFN_LIMIT, Math.floor(2 ** 32 / config.pageWords)));
  check('tableFrames', 2, 2 ** 20);
  check('dirtyClients', 0, 32);
  check('pollInterval', 0, 2 ** 20);
  return config;
}

/** Writes the first state of a VM into a memory of `seamSize(config)`. One thread, once; the others get the result. */
export function initVm(mem: Shared, config: VmConfig, map: SeamMap): Vm {
  const root = mem.alloc();
  const vm = vmMap(config, map, root);
  initTable(mem, vm, root);
  initPageFrames(mem, vm);
  return vm;
}
