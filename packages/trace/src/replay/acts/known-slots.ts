// Where the VMM's memory lies in the guest, as far as the markers have told.
import { type KvmTdpMmuSpteChanged, PAGE_SIZE, pagesPerEntry } from '@faultline/mmu';
import type { IoctlMarker } from './act.ts';

export type MemslotMarker = Extract<IoctlMarker, { ev: 'memslot' }>;

interface KnownSlot {
  readonly gfn: number;
  readonly npages: number;
  readonly hva: number;
}

const INDEX_BITS = 9;

export class KnownSlots {
  readonly #slots = new Map<number, KnownSlot>();
  /** What an ioctl is about to publish, or has. */
  #coming: KnownSlot | undefined;

  begin(marker: MemslotMarker): void {
    this.#coming = marker.op === 'delete' ? undefined : slotOf(marker);
  }

  end(marker: MemslotMarker): void {
    this.#coming = undefined;
    if (marker.errno !== 0) return;
    if (marker.op === 'delete') this.#slots.delete(marker.slot);
    else this.#slots.set(marker.slot, slotOf(marker));
  }

  has(id: number, gfn: number): boolean {
    const slot = this.#slots.get(id);
    return slot !== undefined && gfn >= slot.gfn && gfn < slot.gfn + slot.npages;
  }

  /** Does the entry map any of the bytes [start, end) of the VMM? */
  maps({ gfn: first, level }: KvmTdpMmuSpteChanged, start: number, end: number): boolean {
    const pages = pagesPerEntry(level, INDEX_BITS);
    const slots = [...this.#slots.values()];
    if (this.#coming !== undefined) slots.push(this.#coming);
    return slots.some(({ gfn, npages, hva }) => {
      if (first + pages <= gfn || first >= gfn + npages) return false;
      const at = hva + (first - gfn) * PAGE_SIZE;
      return at < end && at + pages * PAGE_SIZE > start;
    });
  }
}

const slotOf = ({ gpa, size, hva }: MemslotMarker): KnownSlot => ({
  gfn: Number(gpa) / PAGE_SIZE,
  npages: size / PAGE_SIZE,
  hva: Number(hva),
});
