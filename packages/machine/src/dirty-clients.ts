// Who wants to know which pages were written: a frame buffer, a snapshot, a compiler, a migration. One log, which faults
// mark; each harvest tells every client, so that none misses what another has asked about before it.
import { type Gfn, getDirtyLog, type Hvn, type Memslot, takeDirty } from '@faultline/mmu';
import type { Owner } from './owner.ts';
import type { Slots } from './slots.ts';

/** A reader of the dirty log, with a record of its own. The VM's owner alone calls it. */
export interface DirtyClient {
  /** As it was opened: errors name it. Need not be unique. */
  readonly name: string;
  /**
   * Pages (gpa / 4096) stored to since it was opened or last asked, ascending; also those that were loaded from for the
   * first time, since they were mapped for stores. Throws an Error once it is closed.
   */
  take(): number[];
  /** Frees its place; the last one to close switches the log off. May be called twice. */
  close(): void;
}

export class DirtyClients {
  readonly #owner: Owner;
  readonly #slots: Slots;
  readonly #open = new Map<number, DirtyClient>();

  constructor(owner: Owner, slots: Slots) {
    this.#owner = owner;
    this.#slots = slots;
  }

  /** The first switches the log on. Throws a RangeError when there are as many as the VM was made for. */
  open(name: string): DirtyClient {
    const number = this.#unused(name);
    if (this.#open.size === 0) this.#slots.log(true);
    this.#take(number); // what was written before is none of its business
    const client: DirtyClient = {
      name,
      take: () => {
        if (this.#open.get(number) !== client) {
          throw new Error(`expected dirty-log client "${name}" to be open, but it is closed`);
        }
        return this.#take(number);
      },
      close: () => {
        if (this.#open.get(number) === client) this.#close(number);
      },
    };
    this.#open.set(number, client);
    return client;
  }

  #unused(name: string): number {
    const { dirtyClients } = this.#owner.handle.vm;
    for (let number = 0; number < dirtyClients; number++) {
      if (!this.#open.has(number)) return number;
    }
    const names = [...this.#open.values()].map((client) => client.name).join(', ') || 'none';
    throw new RangeError(
      `expected room for dirty-log client "${name}", got ${dirtyClients} at most; open: ${names}. ` +
        'Make the VM with { dirtyClients: more }',
    );
  }

  /** Harvests every slot, then takes what this client has been told. */
  #take(client: number): number[] {
    const { mem, handle } = this.#owner;
    return this.#owner.act(() => {
      const pages: number[] = [];
      for (const slot of this.#owner.slots()) {
        getDirtyLog(mem, handle.vm, slot.id);
        takeDirty(mem, handle.vm, slot, client, (hvn) => pages.push(gfnOf(slot, hvn)));
      }
      return pages.sort((a, b) => a - b);
    });
  }

  #close(number: number): void {
    this.#open.delete(number);
    if (this.#open.size === 0) this.#slots.log(false);
  }
}

const gfnOf = ({ baseGfn, hvn: first }: Memslot, hvn: Hvn): Gfn => (baseGfn + (hvn - first)) as Gfn;
