// A VM in fresh memory, shared or of one thread alone.
import { createAloneMemory, createRam, createSharedMemory } from '@faultline/atomics';
import {
  type FaultPath,
  initVm,
  PAGE_SIZE,
  PAGE_WORDS,
  seamSize,
  type VmConfig,
  vmConfig,
} from '@faultline/mmu';
import { connect, controlBytes, type VmHandle } from './handle.ts';
import { Owner } from './owner.ts';
import { whyNotShared } from './sharing.ts';
import type { Slots } from './slots.ts';
import { Vm } from './vm.ts';

/** What a VM is made of: its memory, its vCPUs, and what may look at it. Sizes are in bytes. */
export interface VmOptions {
  /** Bytes of memory, a multiple of 4096; what all slots together may have. */
  readonly memory: number;
  /** 1 to 63. Default 1. */
  readonly vcpus?: number;
  /** May vCPUs run on other threads? Default: if there are several and the host can; else all run on this one, by turns. */
  readonly shared?: boolean;
  /** Default: one, of all the memory, at gpa 0. */
  readonly slots?: readonly Parameters<Slots['add']>[0][];
  /** How write-protection faults are repaired: by the fast path of Linux 6.12, of 2012, or by the slow path alone. */
  readonly faultPath?: FaultPath;
  /** Dirty-log clients at a time, 0 to 32. Default 4. */
  readonly dirtyClients?: number;
  /** Page frames beyond `memory`, which snapshots hold. Default: an eighth of `memory`, and 64. */
  readonly spareFrames?: number;
  /** For who knows the MMU's own options. */
  readonly mmu?: Partial<VmConfig>;
}

/** One past the last byte offset in RAM: what a vCPU answers fits 32 bits, and what compiled code can address. */
const MOST_RAM = 2 ** 32 - PAGE_SIZE;

/** Throws a RangeError that names the option that cannot be, and an Error where memory cannot be shared but has to be. */
export function createVm(options: VmOptions): Vm {
  const vm = new Vm(createOwner(options));
  const whole = { id: 0, gpa: 0, bytes: options.memory, offset: 0 };
  for (const slot of options.slots ?? [whole]) vm.slots.add(slot);
  return vm;
}

/** The same before it has slots. */
export function createOwner(options: Omit<VmOptions, 'slots'>): Owner {
  const { vcpus = 1 } = options;
  const why = whyNotShared();
  if (options.shared === true && why !== undefined) throw new Error(why);
  const shared = options.shared ?? (vcpus > 1 && why === undefined);
  return new Owner(makeHandle(configOf(options), { vcpus, shared }));
}

function configOf({ memory, vcpus = 1, ...options }: Omit<VmOptions, 'slots'>): VmConfig {
  if (!(Number.isSafeInteger(memory) && memory > 0 && memory % PAGE_SIZE === 0)) {
    throw new RangeError(`expected memory in multiples of ${PAGE_SIZE} bytes, got ${memory}`);
  }
  if (!(Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= 63)) {
    throw new RangeError(`expected vcpus between 1 and 63, got ${vcpus}`);
  }
  const { dirtyClients = 4, faultPath, spareFrames } = options;
  const hostPages = memory / PAGE_SIZE;
  const config = vmConfig({
    ...options.mmu,
    ...(faultPath !== undefined && { faultPath }),
    ...(spareFrames !== undefined && { pageFrames: hostPages + spareFrames }),
    hostPages,
    dirtyClients,
    vcpus: vcpus + 1, // one more for the owner's own accesses
    agents: 1,
    pageWords: PAGE_WORDS,
  });
  if (config.dirtyRing !== 0 || config.manualDirtyLogProtect !== 'none') {
    throw new RangeError(
      'expected a log that dirty clients can share, got dirtyRing or manualDirtyLogProtect among the options of the MMU',
    );
  }
  const ram = config.pageFrames * PAGE_SIZE;
  if (ram <= MOST_RAM) return config;
  throw new RangeError(
    `expected memory and spare frames below 4 GiB together, got ${(ram / 2 ** 30).toFixed(2)} GiB`,
  );
}

function makeHandle(
  config: VmConfig,
  { vcpus, shared }: Pick<VmHandle, 'vcpus' | 'shared'>,
): VmHandle {
  const size = seamSize(config);
  const ram = createRam(size.ram * 4, { shared });
  const withControl = { ...size, words: size.words + controlBytes(config) };
  const words = () => new Int32Array(ram.buffer, 0, size.ram);
  const make = shared ? createSharedMemory : createAloneMemory;
  const memory = make(withControl, words);
  const mem = connect({ memory, shared }, config.vcpus);
  const vm = initVm(mem, config, memory.map);
  mem.disconnect();
  return { memory, ram, vm, vcpus, shared };
}
