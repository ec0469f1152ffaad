// A VM as its owner has it: the thread that made it, gives it memory, watches it, and hands it to the threads of its vCPUs.
import type { Ram } from '@faultline/atomics';
import { type DirtyClient, DirtyClients } from './dirty-clients.ts';
import type { VmHandle } from './handle.ts';
import type { Channel } from './migrate/channel.ts';
import type { MigrationInfo } from './migrate/migration-info.ts';
import { migrateVm, type VmMigrationOptions } from './migrate-vm.ts';
import type { Owner } from './owner.ts';
import { whyNotShared } from './sharing.ts';
import { Slots } from './slots.ts';
import { type Snapshot, Snapshots } from './snapshots.ts';
import type { Vcpu, VcpuOptions } from './vcpu.ts';

/** A VM, for the thread that made it. Its methods wait until each vCPU on another thread has polled, where they have to. */
export class Vm {
  /** The WebAssembly.Memory whose bytes are the guest's pages, in no order: what `Vcpu.translate` answers counts in it. */
  readonly ram: Ram;
  /** May vCPUs run on other threads? */
  readonly shared: boolean;
  /** How many vCPUs it has: their ids are below. */
  readonly vcpus: number;
  /** Which addresses are memory. */
  readonly slots: Slots;
  readonly #owner: Owner;
  readonly #dirty: DirtyClients;
  readonly #snapshots: Snapshots;
  #isLeaving = false;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.ram = owner.handle.ram;
    this.shared = owner.handle.shared;
    this.vcpus = owner.handle.vcpus;
    this.slots = new Slots(owner);
    this.#dirty = new DirtyClients(owner, this.slots);
    this.#snapshots = new Snapshots(owner, this.slots);
  }

  /** What `connectVcpu` needs on another thread: post it there. Throws an Error when the VM is not shared. */
  get handle(): VmHandle {
    if (this.shared) return this.#owner.handle;
    throw new Error(
      whyNotShared() ?? 'expected a VM made with { shared: true }, got one of a single thread',
    );
  }

  /** vCPU `id` on the owner's own thread. */
  vcpu(id: number, options?: VcpuOptions): Vcpu {
    return this.#owner.vcpu(id, options);
  }

  /** Fills `into` with the guest's memory from `gpa` on. */
  readBytes(gpa: number, into: Uint8Array): void {
    this.#owner.access((vcpu) => vcpu.readBytes(gpa, into));
  }

  /** Stores into the guest's memory, as a device does: the pages are dirty. */
  writeBytes(gpa: number, bytes: Uint8Array): void {
    this.#owner.access((vcpu) => vcpu.writeBytes(gpa, bytes));
  }

  /** Opens a client of the dirty log. `name` is for messages. */
  dirtyClient(name: string): DirtyClient {
    return this.#dirty.open(name);
  }

  /**
   * Keeps memory as it is now, the vCPUs standing still meanwhile. Throws a RangeError when there are too few spare frames,
   * and then has changed nothing.
   */
  snapshot(): Snapshot {
    return this.#snapshots.take();
  }

  /** Makes memory what it was; answers how many pages that changed. Dirty-log clients are told of them. */
  restore(snapshot: Snapshot): number {
    return this.#snapshots.restore(snapshot);
  }

  /**
   * Takes the guest to wherever `receiveVm` is at the other end of `channels`, while it runs; it stops for the last of it
   * alone. Resolves when it has been handed over: from then on it stands still here. Rejects with a MigrationError, and
   * the guest runs on. Snapshots stay here. Takes the place of one dirty-log client; slots may change until `stop` is called.
   */
  async migrate(channels: readonly Channel[], options: VmMigrationOptions): Promise<MigrationInfo> {
    if (this.#isLeaving) throw new Error('expected one migration of a VM at a time, got another');
    this.#isLeaving = true;
    try {
      const vm = { owner: this.#owner, slots: this.slots, dirty: this.#dirty };
      return await migrateVm(vm, channels, options);
    } finally {
      this.#isLeaving = false;
    }
  }

  /** Lets a guest go on that was handed over, for who knows that the other side does not run it. */
  resume(): void {
    this.#owner.release();
  }

  /** Bytes that are kept for snapshots alone. */
  get snapshotBytes(): number {
    return this.#snapshots.heldBytes();
  }
}
