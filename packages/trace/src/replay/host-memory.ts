// The VMM's memory: where its addresses, as a trace prints them, lie in the VM that is replayed, which counts pages from 0.
import { type Hvn, PAGE_SIZE } from '@faultline/mmu';

/** Small pages of a huge one. */
const HUGE_PAGE = 512;

interface Region {
  /** First byte in the VMM's own address space. */
  readonly hva: number;
  readonly npages: number;
  readonly hvn: Hvn;
}

export class HostMemory {
  readonly #regions: Region[] = [];
  #pages = 0;

  /** Pages that the VM's host has to have. */
  get pages(): number {
    return Math.max(1, this.#pages);
  }

  /** The place of `npages` from `hva` on, the same each time they come back, aligned as they are. Throws a RangeError. */
  place(hva: number, npages: number): Hvn {
    const known = this.#regions.find((region) => overlap(region, hva, npages));
    if (known === undefined) return this.#add(hva, npages);
    const offset = (hva - known.hva) / PAGE_SIZE;
    if (offset >= 0 && offset + npages <= known.npages) return (known.hvn + offset) as Hvn;
    throw new RangeError(
      `expected memslots over the same memory or apart, got ${npages} pages at 0x${hva.toString(16)} ` +
        `over a part of ${known.npages} at 0x${known.hva.toString(16)}`,
    );
  }

  #add(hva: number, npages: number): Hvn {
    const page = Math.floor(hva / PAGE_SIZE);
    const gap = (((page - this.#pages) % HUGE_PAGE) + HUGE_PAGE) % HUGE_PAGE;
    const hvn = (this.#pages + gap) as Hvn;
    this.#pages = hvn + npages;
    this.#regions.push({ hva, npages, hvn });
    return hvn;
  }

  /** What of the bytes [start, end) is memory of the guest. Pages that lie in it in part count. */
  *within(start: number, end: number): Iterable<{ hvn: Hvn; count: number }> {
    for (const { hva, npages, hvn } of this.#regions) {
      const first = Math.max(0, Math.floor((start - hva) / PAGE_SIZE));
      const last = Math.min(npages, Math.ceil((end - hva) / PAGE_SIZE));
      if (first < last) yield { hvn: (hvn + first) as Hvn, count: last - first };
    }
  }
}

const overlap = (region: Region, hva: number, npages: number): boolean =>
  hva < region.hva + region.npages * PAGE_SIZE && region.hva < hva + npages * PAGE_SIZE;
