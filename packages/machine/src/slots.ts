// Which guest-physical addresses are memory. Everything here is in bytes, in multiples of a page.
import {
  createMemslot,
  deleteMemslot,
  type Gfn,
  getDirtyLog,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
  type Memslot,
  PAGE_SIZE,
  setMemslotFlags,
} from '@faultline/mmu';
import type { Owner } from './owner.ts';

/** One range of guest-physical addresses that is memory. */
export interface Slot {
  /** 0 to 31. */
  readonly id: number;
  /** Where the guest finds it. */
  readonly gpa: number;
  /** A multiple of 4096, at least one page. */
  readonly bytes: number;
  /** Where it begins in the VM's memory of `createVm({ memory })`. No two slots may overlap, in the guest or there. */
  readonly offset: number;
  /** KVM_MEM_LOG_DIRTY_PAGES or 0; logging is on whatever it says while a dirty-log client is open. */
  readonly flags: number;
}

/** The VM's slots, which may come and go while the guest runs; `vm.slots`. The VM's owner alone calls it. */
export class Slots {
  readonly #owner: Owner;
  /** Flags as they were asked for, by slot. */
  readonly #asked = new Map<number, number>();
  #logging = 0;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** Throws a RangeError that says what is wrong with it. */
  add({ flags = 0, ...slot }: Omit<Slot, 'flags'> & Partial<Pick<Slot, 'flags'>>): void {
    this.#owner.assertNotHeld();
    const memslot: Memslot = {
      id: slot.id,
      baseGfn: pages(slot, 'gpa') as Gfn,
      npages: pages(slot, 'bytes'),
      hvn: pages(slot, 'offset') as Hvn,
      flags: flags | this.#logging,
    };
    this.#owner.act(() => createMemslot(this.#owner.mem, this.#owner.handle.vm, memslot));
    this.#asked.set(slot.id, flags);
  }

  /**
   * Its memory keeps its content: a slot added there later finds it, and dirty-log clients are then told of what was stored
   * to it before.
   */
  remove(id: number): void {
    this.#owner.assertNotHeld();
    const { mem, handle } = this.#owner;
    const remove = (): void => deleteMemslot(mem, handle.vm, id);
    if (this.#logging === 0) this.#owner.act(remove);
    else {
      // The log goes with the slot. Paused, for what is stored between the two would be told to nobody.
      this.#owner.actPaused(() => {
        getDirtyLog(mem, handle.vm, id);
        remove();
      });
    }
  }

  /** Throws a RangeError for a slot that is not there. */
  setFlags(id: number, flags: number): void {
    this.#owner.act(() =>
      setMemslotFlags(this.#owner.mem, this.#owner.handle.vm, id, flags | this.#logging),
    );
    this.#asked.set(id, flags);
  }

  /** By gpa. */
  list(): Slot[] {
    return this.#owner
      .slots()
      .map(inBytes)
      .sort((a, b) => a.gpa - b.gpa);
  }

  /** As they were asked for: without the logging that dirty-log clients switch on. */
  asked(): Slot[] {
    return this.list().map((slot) => ({ ...slot, flags: this.#asked.get(slot.id) ?? 0 }));
  }

  /** Logs all slots, those to come too; or does so no longer. */
  log(on: boolean): void {
    this.#logging = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
    for (const { id } of this.#owner.slots()) this.setFlags(id, this.#asked.get(id) ?? 0);
  }
}

const inBytes = ({ id, baseGfn, npages, hvn, flags }: Memslot): Slot => ({
  id,
  gpa: baseGfn * PAGE_SIZE,
  bytes: npages * PAGE_SIZE,
  offset: hvn * PAGE_SIZE,
  flags,
});

function pages(slot: Omit<Slot, 'flags'>, field: 'gpa' | 'bytes' | 'offset'): number {
  const value = slot[field];
  if (Number.isSafeInteger(value) && value >= 0 && value % PAGE_SIZE === 0)
    return value / PAGE_SIZE;
  throw new RangeError(
    `expected ${field} of slot ${slot.id} to be a multiple of ${PAGE_SIZE} bytes, got ${value}`,
  );
}
