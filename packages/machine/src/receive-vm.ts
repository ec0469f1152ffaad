// A VM made of what comes: over a migration's channels, or out of a snapshot that was saved.
import { PAGE_SIZE } from '@faultline/mmu';
import { createOwner, type VmOptions } from './create-vm.ts';
import { hostClock } from './host-clock.ts';
import { receiveMigration } from './migrate/destination.ts';
import type { DestinationOptions } from './migrate/destination-options.ts';
import { MigrationError } from './migrate/failure.ts';
import type { DestinationMemory } from './migrate/guest.ts';
import type { Received } from './migrate/received.ts';
import type { Shape } from './migrate/shape.ts';
import { readSnapshot, type SnapshotInfo, type SnapshotReaderOptions } from './migrate/snapshot.ts';
import { vmMemory } from './migrate/vm-guest.ts';
import type { Slot } from './slots.ts';
import { Vm } from './vm.ts';
import { unpackState, type VmState } from './vm-state.ts';

/** What does not come with a guest: all but its memory and its slots. As many vCPUs as it had, one unless said. */
export type ArrivingVmOptions = Omit<VmOptions, 'memory' | 'slots'>;

/** How a VM is received. */
export interface VmDestinationOptions
  extends Omit<DestinationOptions, 'clock' | 'open' | 'recoverS' | 'progress'> {
  /** What the VM is made of beside what comes. */
  readonly vm?: ArrivingVmOptions;
}

/** A VM that came, and what came of it. */
export interface ReceivedVm extends Received {
  /** Its owner is the thread that called. */
  readonly vm: Vm;
  /** What the source's `stop` answered. */
  readonly state: Uint8Array;
}

/**
 * Takes in what `Vm.migrate` sends. Run the guest if `handedOver` says so. Rejects with a MigrationError: then there is no VM,
 * and the guest is where it was.
 */
export async function receiveVm({
  vm: make,
  ...options
}: VmDestinationOptions): Promise<ReceivedVm> {
  const arrival = new Arrival(make);
  const received = await receiveMigration({
    ...options,
    clock: hostClock,
    open: (shape) => arrival.open(shape),
  });
  return { ...received, ...arrival.finish(received.shape) };
}

/** How a saved snapshot becomes a VM. */
export interface LoadOptions extends Pick<SnapshotReaderOptions, 'compressions'> {
  /** What the VM is made of beside what was saved. */
  readonly vm?: ArrivingVmOptions;
}

/** A VM that was loaded. */
export interface LoadedVm extends SnapshotInfo {
  /** Its owner is the thread that called. */
  readonly vm: Vm;
  /** What `Snapshot.save` was given. */
  readonly state: Uint8Array;
}

/**
 * Makes a VM of what `Snapshot.save` wrote, in pieces of any size. Rejects with a MigrationError that says at which byte it is
 * cut or changed: then there is no VM.
 */
export async function loadVm(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { vm: make, ...options }: LoadOptions = {},
): Promise<LoadedVm> {
  const arrival = new Arrival(make);
  const open = (shape: Shape): DestinationMemory => arrival.open(shape);
  const info = await readSnapshot(chunks, { ...options, clock: hostClock, open });
  return { ...info, ...arrival.finish(info.shape) };
}

class Arrival {
  readonly #options: ArrivingVmOptions;
  #vm: Vm | undefined;
  #device: Uint8Array | undefined;

  constructor(options: ArrivingVmOptions = {}) {
    this.#options = options;
  }

  /** Throws a RangeError or a MigrationError for a VM that cannot be made here. */
  open({ pages, pageSize }: Shape): DestinationMemory {
    if (pageSize !== PAGE_SIZE) {
      throw new MigrationError('version', `expected pages of ${PAGE_SIZE} bytes, got ${pageSize}`);
    }
    const owner = createOwner({ ...this.#options, memory: pages * PAGE_SIZE });
    this.#vm = new Vm(owner);
    const loadState = (state: Uint8Array): void => this.#load(unpackState(state));
    return { ...vmMemory(owner.mem, owner.handle.vm), loadState };
  }

  /** Before the source gives the guest up: it runs on if anything is wrong. */
  #load({ vcpus, slots, device }: VmState): void {
    const made = this.#made();
    if (vcpus !== made.vcpus) {
      const got = `one of ${vcpus}; make it with { vm: { vcpus: ${vcpus} } }`;
      throw new MigrationError('version', `expected a guest of ${made.vcpus} vCPUs, got ${got}`);
    }
    for (const slot of slots) made.slots.add(slot);
    this.#device = device;
  }

  /** A guest that is not of `createVm` comes without a state, and its slots are those of its shape. */
  finish({ slots }: Shape): { readonly vm: Vm; readonly state: Uint8Array } {
    const vm = this.#made();
    if (this.#device === undefined) {
      for (const { id, gfn, npages, hvn } of slots) {
        const [gpa, bytes, offset] = [gfn, npages, hvn].map((page) => page * PAGE_SIZE);
        vm.slots.add({ id, gpa, bytes, offset } as Slot);
      }
    }
    return { vm, state: this.#device ?? new Uint8Array(0) };
  }

  #made(): Vm {
    if (this.#vm === undefined) throw new Error('expected a header first, got none');
    return this.#vm;
  }
}
