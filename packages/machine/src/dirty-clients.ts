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

/** A reader that is told of pages of the VM's memory, by hvn. */
export interface PageLog {
  /** Visits what was stored to since it was opened or last asked. */
  harvest(visit: (hvn: number) => void): void;
  close(): void;
}

interface Reader {
  readonly number: number;
  readonly name: string;
}

export class DirtyClients {
  readonly #owner: Owner;
  readonly #slots: Slots;
  readonly #open = new Map<number, Reader>();

  constructor(owner: Owner, slots: Slots) {
    this.#owner = owner;
    this.#slots = slots;
  }

  /** The first switches the log on. Throws a RangeError when there are as many as the VM was made for. */
  open(name: string): DirtyClient {
    const reader = this.#claim(name);
    return {
      name,
      take: () => {
        if (this.#open.get(reader.number) !== reader) {
          throw new Error(`expected dirty-log client "${name}" to be open, but it is closed`);
        }
        return this.#take(reader.number);
      },
      close: () => this.#close(reader),
    };
  }

  /** The same for who knows the VM's memory by its own pages, and wants to hear of those too that no slot shows just now. */
  openForPages(name: string): PageLog {
    const reader = this.#claim(name);
    return {
      harvest: (visit) => this.#harvestAll(reader.number, visit),
      close: () => this.#close(reader),
    };
  }

  #claim(name: string): Reader {
    const reader = { number: this.#unused(name), name };
    if (this.#open.size === 0) this.#slots.log(true);
    this.#open.set(reader.number, reader);
    this.#harvestAll(reader.number, () => {}); // what was written before is none of its business
    return reader;
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

  #harvestAll(client: number, visit: (hvn: Hvn) => void): void {
    const { mem, handle } = this.#owner;
    this.#owner.act(() => {
      for (const { id } of this.#owner.slots()) getDirtyLog(mem, handle.vm, id);
      takeDirty(mem, handle.vm, { hvn: 0 as Hvn, npages: handle.vm.hostPages }, client, visit);
    });
  }

  #close(reader: Reader): void {
    if (this.#open.get(reader.number) !== reader) return;
    this.#open.delete(reader.number);
    if (this.#open.size === 0) this.#slots.log(false);
  }
}

const gfnOf = ({ baseGfn, hvn: first }: Memslot, hvn: Hvn): Gfn => (baseGfn + (hvn - first)) as Gfn;
