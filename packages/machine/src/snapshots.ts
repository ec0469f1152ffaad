// Memory as it was: a snapshot keeps the frames that hold the guest's pages, and the guest gets a copy of a page when it next
// stores to it. A page that did not change between two snapshots is in one frame for both.
//
// Nothing is promised that could not be kept: a snapshot is taken only while there are so many free frames that the guest
// can be given one for each of its pages. From then on each copy takes one of both.
import {
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPtePresent,
  type Memslot,
  markPageDirty,
  PAGE_SIZE,
  type Pfn,
  pageBase,
  putPage,
  replacePages,
  sharePages,
} from '@faultline/mmu';
import type { Owner } from './owner.ts';
import { type SaveOptions, saveSnapshot } from './save-snapshot.ts';
import type { Slot, Slots } from './slots.ts';

/** The guest's memory at one moment: registers, devices and slots are not in it. */
export interface Snapshot {
  /** Pages that hold something; the others read as zeros. */
  readonly pages: number;
  /** Pages in another frame than in the snapshot that was taken or restored last; all, in the first and if that was released. */
  readonly changed: number;
  /** Fills `into` with memory as it was, by the slots of then; all ones where none was. */
  readBytes(gpa: number, into: Uint8Array): void;
  /**
   * Writes it for `loadVm`, in pieces: `write` may keep none of them after it has resolved. The guest goes on meanwhile.
   * Checksums and a length are in it: what is cut or changed is refused, with its place.
   */
  save(write: (bytes: Uint8Array) => void | Promise<void>, options?: SaveOptions): Promise<void>;
  /** Gives its frames back. It cannot be restored any more. */
  release(): void;
}

const NO_FRAME = -1;

interface Kept {
  /** By page of the VM's memory. */
  readonly frames: Int32Array;
  readonly slots: readonly Slot[];
}

const pfnOf = (frames: Int32Array, hvn: number): Pfn | undefined => {
  const pfn = frames[hvn] as number;
  return pfn === NO_FRAME ? undefined : (pfn as Pfn);
};

export class Snapshots {
  readonly #owner: Owner;
  readonly #slots: Slots;
  readonly #kept = new Map<Snapshot, Kept>();
  #last: Int32Array;

  constructor(owner: Owner, slots: Slots) {
    this.#owner = owner;
    this.#slots = slots;
    this.#last = this.#noFrames();
  }

  /** Throws a RangeError that says how many spare frames it would take, and then has changed nothing. */
  take(): Snapshot {
    return this.#owner.actPaused(() => {
      this.#requireRoom();
      const { mem, handle } = this.#owner;
      const frames = this.#noFrames();
      let pages = 0;
      sharePages(mem, handle.vm, 0 as Hvn, frames.length, (hvn, pfn) => {
        frames[hvn] = pfn;
        pages++;
      });
      return this.#keep({ frames, slots: this.#slots.asked() }, pages);
    });
  }

  /** Answers how many pages it changed; dirty-log clients are told of them. Slots stay as they are. */
  restore(snapshot: Snapshot): number {
    this.#owner.assertNotHeld();
    const { frames } = this.#get(snapshot);
    return this.#owner.actPaused(() => {
      const { mem, handle } = this.#owner;
      const changed = this.#differing(frames);
      replacePages(mem, handle.vm, 0 as Hvn, frames.length, (hvn) => pfnOf(frames, hvn));
      for (const slot of this.#owner.slots()) this.#mark(slot, changed);
      this.#last = frames;
      return changed.length;
    });
  }

  /** Bytes of frames that snapshots hold and the guest does not. */
  heldBytes(): number {
    const { vm } = this.#owner.handle;
    const held = new Uint8Array(vm.pageFrames);
    for (const { frames } of this.#kept.values()) {
      for (const pfn of frames) if (pfn !== NO_FRAME) held[pfn] = 1;
    }
    for (let hvn = 0; hvn < vm.hostPages; hvn++) {
      const pfn = this.#frameNow(hvn);
      if (pfn !== NO_FRAME) held[pfn] = 0;
    }
    return held.reduce((sum, one) => sum + one, 0) * PAGE_SIZE;
  }

  #keep(kept: Kept, pages: number): Snapshot {
    const { frames } = kept;
    const last = this.#last;
    const snapshot: Snapshot = {
      pages,
      changed: frames.reduce((sum, pfn, hvn) => sum + (pfn === last[hvn] ? 0 : 1), 0),
      readBytes: (gpa, into) => this.#read(this.#get(snapshot), gpa, into),
      save: (write, options) => this.#save(snapshot, write, options),
      release: () => this.#release(snapshot),
    };
    this.#last = frames;
    this.#kept.set(snapshot, kept);
    return snapshot;
  }

  #save(
    snapshot: Snapshot,
    write: (bytes: Uint8Array) => void | Promise<void>,
    options: SaveOptions = {},
  ): Promise<void> {
    const { slots } = this.#get(snapshot);
    // Asked for each page: who releases it meanwhile is told so.
    const frameOf = (hvn: number): Pfn | undefined => pfnOf(this.#get(snapshot).frames, hvn);
    return saveSnapshot(this.#owner, { frameOf, slots }, write, options);
  }

  #get(snapshot: Snapshot): Kept {
    const kept = this.#kept.get(snapshot);
    if (kept !== undefined) return kept;
    throw new Error('expected a snapshot of this VM, got one of another, or one that was released');
  }

  #release(snapshot: Snapshot): void {
    const kept = this.#kept.get(snapshot);
    if (kept === undefined) return;
    this.#kept.delete(snapshot);
    // From here the guest writes these frames in place: that a page is still in one of them says nothing any more.
    if (kept.frames === this.#last) this.#last = this.#noFrames();
    const { mem, handle } = this.#owner;
    for (const pfn of kept.frames) if (pfn !== NO_FRAME) putPage(mem, handle.vm, pfn as Pfn);
  }

  #requireRoom(): void {
    const { mem, handle } = this.#owner;
    const { hostPages, pageFrames } = handle.vm;
    const missing = hostPages - mem.load32(handle.vm.at.free_pages);
    if (missing <= 0) return;
    throw new RangeError(
      `expected ${hostPages} free frames, one for each page that the guest may write after a snapshot, got ${hostPages - missing}; ` +
        `release snapshots, or make the VM with { spareFrames: ${pageFrames - hostPages + missing} } or more`,
    );
  }

  #noFrames(): Int32Array {
    return new Int32Array(this.#owner.handle.vm.hostPages).fill(NO_FRAME);
  }

  #frameNow(hvn: number): number {
    const { mem, handle } = this.#owner;
    const pte = mem.load32(hostPtep(handle.vm, hvn as Hvn));
    return isHostPtePresent(pte) ? hostPtePfn(pte) : NO_FRAME;
  }

  #differing(frames: Int32Array): number[] {
    const pages: number[] = [];
    for (let hvn = 0; hvn < frames.length; hvn++) {
      if (this.#frameNow(hvn) !== frames[hvn]) pages.push(hvn);
    }
    return pages;
  }

  #mark(slot: Memslot, pages: readonly number[]): void {
    const { mem, handle } = this.#owner;
    for (const hvn of pages) {
      const gfn = slot.baseGfn + (hvn - slot.hvn);
      if (gfn < slot.baseGfn || gfn >= slot.baseGfn + slot.npages) continue;
      markPageDirty(mem, handle.vm, slot, gfn as Memslot['baseGfn']);
    }
  }

  #read({ frames, slots }: Kept, gpa: number, into: Uint8Array): void {
    const { mem, handle } = this.#owner;
    for (let done = 0; done < into.length; ) {
      const at = gpa + done;
      const part = into.subarray(done, done + PAGE_SIZE - (at % PAGE_SIZE));
      const slot = slots.find(({ gpa: from, bytes }) => at >= from && at < from + bytes);
      const hvn = slot === undefined ? 0 : Math.floor((slot.offset + at - slot.gpa) / PAGE_SIZE);
      const pfn = slot === undefined ? undefined : pfnOf(frames, hvn);
      if (pfn === undefined) part.fill(slot === undefined ? 0xff : 0);
      else mem.guestRead(pageBase(handle.vm, pfn) * 4 + (at % PAGE_SIZE), part);
      done += part.length;
    }
  }
}
