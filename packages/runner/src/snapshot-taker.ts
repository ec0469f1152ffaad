// Snapshots of a running guest: its frames are kept while it writes to copies. Each is compared with the ledger of its moment
// when it is taken, and again when it goes; some go by a rewind of the guest to them.
import type { Shared } from '@faultline/atomics';
import {
  type Gfn,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteEmpty,
  isHostPtePresent,
  markPageDirty,
  PAGE_WORDS,
  type Pfn,
  pageBase,
  pauseVcpus,
  putPage,
  readMemslots,
  replacePages,
  resumeVcpus,
  sharePages,
  type Vm,
} from '@faultline/mmu';
import { randomSource } from './guests/random.ts';
import type { Machine, Region } from './machine.ts';

export interface SnapshotStat {
  taken: number;
  /** Pages that they kept. */
  pages: number;
  /** Rewinds of the guest, and pages that these changed. */
  restored: number;
  pagesRestored: number;
  /** Words compared with the ledger of the moment. */
  compared: number;
  /** Words that were not as in the ledger, at once or later: must stay 0. */
  differences: number;
}

interface Kept {
  /** Frames by page of the region; those that are missing were never touched. */
  readonly frames: ReadonlyMap<Hvn, Pfn>;
  /** Of the region, at that moment. */
  readonly ledger: Int32Array;
}

export class SnapshotTaker {
  readonly stat: SnapshotStat = {
    taken: 0,
    pages: 0,
    restored: 0,
    pagesRestored: 0,
    compared: 0,
    differences: 0,
  };
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #region: Region;
  readonly #ledger: Int32Array;
  readonly #restores: boolean;
  readonly #random: (below: number) => number = randomSource(0x5a9);
  #kept: Kept | undefined;

  /** Nobody else pauses the vCPUs. `restores`: may the guest find its memory as it was before? */
  constructor(mem: Shared, { vm, ledger }: Machine, region: Region, restores: boolean) {
    this.#mem = mem;
    this.#vm = vm;
    this.#region = region;
    this.#ledger = ledger.subarray(
      region.hvn * PAGE_WORDS,
      (region.hvn + region.npages) * PAGE_WORDS,
    );
    this.#restores = restores;
  }

  /** Takes one, or lets the one go that is kept. */
  step(): void {
    if (this.#kept === undefined) this.#take();
    else this.#letGo(this.#kept, this.#restores && this.#random(2) === 0);
  }

  close(): void {
    if (this.#kept !== undefined) this.#letGo(this.#kept, false);
  }

  #take(): void {
    const frames = new Map<Hvn, Pfn>();
    const ledger = this.#paused(() => {
      const { hvn, npages } = this.#region;
      sharePages(this.#mem, this.#vm, hvn as Hvn, npages, (page, pfn) => frames.set(page, pfn));
      return this.#ledger.slice();
    });
    this.#kept = { frames, ledger };
    this.stat.taken++;
    this.stat.pages += frames.size;
    this.#compare(this.#kept);
  }

  #letGo(kept: Kept, restore: boolean): void {
    this.#compare(kept);
    if (restore) this.#restore(kept);
    for (const pfn of kept.frames.values()) putPage(this.#mem, this.#vm, pfn);
    this.#kept = undefined;
  }

  #restore({ frames, ledger }: Kept): void {
    const { hvn, npages } = this.#region;
    this.#paused(() => {
      const changed = this.#changedPages(frames);
      replacePages(this.#mem, this.#vm, hvn as Hvn, npages, (page) => frames.get(page));
      // No store of a guest: whoever reads the log would not be told.
      this.#markDirty(changed);
      this.#ledger.set(ledger);
      this.stat.pagesRestored += changed.length;
    });
    this.stat.restored++;
  }

  #changedPages(frames: Kept['frames']): Hvn[] {
    const { hvn: first, npages } = this.#region;
    const pages = Array.from({ length: npages }, (_, page) => (first + page) as Hvn);
    return pages.filter((hvn) => {
      const pte = this.#mem.load32(hostPtep(this.#vm, hvn));
      const pfn = frames.get(hvn);
      // A page that a pager has is not empty: one that came since the snapshot would go unseen.
      if (pfn === undefined) return !isHostPteEmpty(pte);
      return !isHostPtePresent(pte) || hostPtePfn(pte) !== pfn;
    });
  }

  #markDirty(pages: readonly Hvn[]): void {
    const { gfn, hvn: first, slot: id } = this.#region;
    const { at } = this.#vm;
    const slots = readMemslots(this.#mem, this.#vm, this.#mem.load32(at.memslots));
    const slot = slots.find((candidate) => candidate.id === id);
    for (const hvn of pages) {
      markPageDirty(this.#mem, this.#vm, slot, (gfn + hvn - first) as Gfn);
    }
  }

  #compare({ frames, ledger }: Kept): void {
    const { hvn: first, npages } = this.#region;
    for (let page = 0; page < npages; page++) {
      const pfn = frames.get((first + page) as Hvn);
      const base = pfn === undefined ? -1 : pageBase(this.#vm, pfn);
      for (let word = 0; word < PAGE_WORDS; word++) {
        const found = base < 0 ? 0 : this.#mem.guestLoad(base + word);
        if (found !== ledger[page * PAGE_WORDS + word]) this.stat.differences++;
      }
    }
    this.stat.compared += npages * PAGE_WORDS;
  }

  /** No store is between memory and the ledger then. */
  #paused<Said>(act: () => Said): Said {
    pauseVcpus(this.#mem, this.#vm);
    try {
      return act();
    } finally {
      resumeVcpus(this.#mem, this.#vm);
    }
  }
}
