// A VM of `createVm` as the source of a migration: all of its memory, by a client of its own in the dirty log.
import type { DirtyClients, PageLog } from './dirty-clients.ts';
import { hostClock } from './host-clock.ts';
import type { Channel } from './migrate/channel.ts';
import type { SourceGuest } from './migrate/guest.ts';
import type { MigrationInfo } from './migrate/migration-info.ts';
import type { Shape } from './migrate/shape.ts';
import { type SourceOptions, sendMigration } from './migrate/source.ts';
import { shapeOfVm, vmMemory } from './migrate/vm-guest.ts';
import type { Owner } from './owner.ts';
import type { Slots } from './slots.ts';
import { packState } from './vm-state.ts';

type Postcopy = 'memoryMode' | 'postcopyAfterRounds' | 'reconnect' | 'recoverS';

/** How a VM is migrated away: by pre-copy. */
export interface VmMigrationOptions extends Omit<SourceOptions, 'clock' | 'session' | Postcopy> {
  /**
   * Called once, when what is left to send fits in the downtime: stops the processors between two instructions and the
   * devices, and answers their state, at most 64 MiB, which the other side gets as it is. What it still stores is sent.
   */
  readonly stop: () => Uint8Array | Promise<Uint8Array>;
  /** Called when the migration fails after `stop`: the guest stays here, and goes on. */
  readonly resume: () => void;
  /** For `autoConverge`: lets the processors run (100 - percent) of the time. */
  readonly throttle?: (percent: number) => void;
}

const HANDED_OVER =
  'was handed over; usual cause: an access after migrate() has resolved, without resume()';
const LEAVING = 'is handed over just now; usual cause: a processor that goes on after stop()';

/** What a migration needs of its VM. */
export interface Migrating {
  readonly owner: Owner;
  readonly slots: Slots;
  readonly dirty: DirtyClients;
}

/** See `Vm.migrate`. */
export async function migrateVm(
  vm: Migrating,
  channels: readonly Channel[],
  { stop, resume, throttle, ...options }: VmMigrationOptions,
): Promise<MigrationInfo> {
  vm.owner.assertNotHeld();
  const source = new VmSource(vm, { stop, resume });
  const guest = throttle === undefined ? source : Object.assign(source, { throttle });
  const session = Math.floor(Math.random() * 2 ** 32);
  const info = await sendMigration(guest, channels, { ...options, session, clock: hostClock });
  vm.owner.hold(HANDED_OVER);
  return info;
}

class VmSource implements SourceGuest {
  readonly shape: Shape;
  readonly copyPage: SourceGuest['copyPage'];
  readonly #vm: Migrating;
  readonly #processors: Pick<VmMigrationOptions, 'stop' | 'resume'>;
  #log: PageLog | undefined;
  #device: Uint8Array = new Uint8Array(0);

  constructor(vm: Migrating, processors: Pick<VmMigrationOptions, 'stop' | 'resume'>) {
    const { mem, handle } = vm.owner;
    this.shape = { ...shapeOfVm(mem, handle.vm), allPages: true };
    this.copyPage = vmMemory(mem, handle.vm).copyPage;
    this.#vm = vm;
    this.#processors = processors;
  }

  startLogging(): void {
    this.#log = this.#vm.dirty.openForPages('migration');
  }

  stopLogging(): void {
    this.#log?.close();
  }

  harvest(visit: (hvn: number) => void): void {
    this.#log?.harvest(visit);
  }

  async pause(): Promise<void> {
    this.#device = await this.#processors.stop();
    // Whoever did not stop waits, so that nothing is lost that he stores later.
    this.#vm.owner.hold(LEAVING);
  }

  resume(): void {
    this.#vm.owner.release();
    this.#processors.resume();
  }

  saveState(): Uint8Array {
    const { owner, slots } = this.#vm;
    return packState({ vcpus: owner.handle.vcpus, slots: slots.asked(), device: this.#device });
  }
}
