// A VM with all that its threads need to run it: built once, handed to each worker as it is.
import { connectThread, createSharedMemory, type SharedMemory } from '@faultline/atomics';
import { initVm, PAGE_WORDS, seamSize, type Vm, type VmOptions, vmConfig } from '@faultline/mmu';
import { type Control, controlAt, controlBytes } from './control.ts';

/** A stretch of the guest's memory: `npages` from `gfn` on lie at host pages `hvn` on. */
export interface Region {
  readonly slot: number;
  readonly gfn: number;
  readonly npages: number;
  readonly hvn: number;
}

export interface Machine {
  readonly memory: SharedMemory;
  readonly vm: Vm;
  readonly control: Control;
  /**
   * What each word of the VMM's memory must hold: `hvn * 1024 + word`. Kept outside the MMU and its log; each word is
   * written by the one vCPU that owns it, or by the VMM while no vCPU runs.
   */
  readonly ledger: Int32Array;
}

/** Threads beside the vCPUs: whoever sets up and verifies, the VMM, one for its memslots, ksmd, the ager, the host's own. */
export const AGENTS = { main: 0, vmm: 1, plug: 2, ksmd: 3, ager: 4, host: 5 } as const;

export const MOST_VCPUS = 64;
/** Pages of guest memory that a machine can have: with the spare frames for merging, as many as 2^32 words fill. */
export const MOST_PAGES: number = Math.floor(((2 ** 22 - 64) * 8) / 9);

/** Makes a machine with zeroed memory and no memslot. Throws a RangeError when the host has not that much memory. */
export function createMachine(options: VmOptions): Machine {
  const config = vmConfig({ ...options, agents: Object.keys(AGENTS).length });
  const size = seamSize(config);
  const memory = createSharedMemory({ ...size, words: size.words + controlBytes(config) });
  const control = controlAt(memory.map.wordsAt + size.words, config);
  const mem = connectThread(memory, config.vcpus + AGENTS.main);
  const vm = initVm(mem, config, memory.map);
  mem.disconnect();
  return { memory, vm, control, ledger: createPages(config.hostPages) };
}

/** Zeroed memory for `pages` pages that threads may share. */
export function createPages(pages: number): Int32Array {
  try {
    return new Int32Array(new SharedArrayBuffer(pages * PAGE_WORDS * 4));
  } catch (cause) {
    throw new RangeError(
      `expected ${((pages * PAGE_WORDS * 4) / 2 ** 30).toFixed(2)} GiB of shared memory, which this host does not give`,
      { cause },
    );
  }
}
