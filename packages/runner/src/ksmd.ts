// The same-page merging daemon: looks at pages in turn, and merges those that hold the same.
//
// stable     pages that others were merged into, by checksum; immutable, so that a copy kept here must stay equal
// unstable   pages that stood still since the last scan, by checksum; forgotten after each scan
import type { Shared } from '@faultline/atomics';
import {
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteKsm,
  isHostPtePresent,
  isSameContent,
  makeKsmPage,
  mergeWithKsmPage,
  type Pfn,
  pageBase,
  pageRefcount,
  putPage,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import type { Region } from './machine.ts';

export interface KsmStat {
  scans: number;
  /** Pages merged into another. */
  merged: number;
  /** Merges given up because the guest wrote in between. */
  raced: number;
  /** Merged pages found changed under their sharers: must stay 0. */
  changed: number;
}

interface StablePage {
  readonly pfn: Pfn;
  readonly content: Int32Array;
}

export class Ksmd {
  readonly stat: KsmStat = { scans: 0, merged: 0, raced: 0, changed: 0 };
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #pages: readonly Hvn[];
  readonly #checksums = new Map<Hvn, number>();
  readonly #stable = new Map<number, StablePage>();
  readonly #unstable = new Map<number, Hvn>();
  #next = 0;

  constructor(mem: Shared, vm: Vm, regions: readonly Region[]) {
    this.#mem = mem;
    this.#vm = vm;
    this.#pages = regions.flatMap(({ hvn, npages }) =>
      Array.from({ length: npages }, (_, page) => (hvn + page) as Hvn),
    );
  }

  /** Looks at `count` pages. Linux: pages_to_scan. */
  scan(count: number): void {
    for (let page = 0; page < count; page++) {
      if (this.#next === this.#pages.length) this.#endScan();
      const hvn = this.#pages[this.#next++];
      if (hvn !== undefined) this.#tryPage(hvn);
    }
  }

  /** Drops all shared pages that nobody uses, after checking every one. */
  close(): void {
    this.#endScan();
    for (const { pfn } of this.#stable.values()) putPage(this.#mem, this.#vm, pfn);
    this.#stable.clear();
  }

  #endScan(): void {
    this.stat.scans++;
    this.#next = 0;
    this.#unstable.clear();
    for (const [checksum, { pfn, content }] of this.#stable) {
      if (!this.#holds(pfn, content)) this.stat.changed++;
      if (pageRefcount(this.#mem, this.#vm, pfn) > 1) continue;
      this.#stable.delete(checksum);
      putPage(this.#mem, this.#vm, pfn);
    }
  }

  #tryPage(hvn: Hvn): void {
    const pte = this.#mem.load32(hostPtep(this.#vm, hvn));
    if (!isHostPtePresent(pte) || isHostPteKsm(pte)) return;
    const checksum = this.#checksum(hostPtePfn(pte));
    const moved = this.#checksums.get(hvn) !== checksum;
    this.#checksums.set(hvn, checksum);
    if (moved) return; // it changes too often to be worth merging
    const stable = this.#stable.get(checksum);
    const twin = this.#unstable.get(checksum);
    if (stable !== undefined) this.#merge(hvn, stable.pfn);
    else if (twin === undefined) this.#unstable.set(checksum, hvn);
    else if (twin !== hvn) this.#mergeTwins(hvn, twin, checksum);
  }

  #merge(hvn: Hvn, shared: Pfn): void {
    const pte = writeProtectHostPage(this.#mem, this.#vm, hvn);
    if (pte === 0 || isHostPteKsm(pte)) return;
    const same =
      isSameContent(this.#mem, this.#vm, hostPtePfn(pte), shared) &&
      mergeWithKsmPage(this.#mem, this.#vm, hvn, pte, shared);
    if (same) this.stat.merged++;
    else this.stat.raced++;
  }

  #mergeTwins(hvn: Hvn, twin: Hvn, checksum: number): void {
    this.#unstable.delete(checksum);
    const pte = writeProtectHostPage(this.#mem, this.#vm, twin);
    if (pte === 0 || isHostPteKsm(pte)) return;
    if (!makeKsmPage(this.#mem, this.#vm, twin, pte)) {
      this.stat.raced++;
      return;
    }
    const pfn = hostPtePfn(pte);
    // From here its content stands still for good: whoever wants to write gets a copy.
    this.#stable.set(checksum, { pfn, content: this.#copy(pfn) });
    this.#merge(hvn, pfn);
  }

  /** FNV-1a over words: cheap, and a collision costs a comparison only. */
  #checksum(pfn: Pfn): number {
    const base = pageBase(this.#vm, pfn);
    let hash = 0x811c_9dc5;
    for (let word = 0; word < this.#vm.pageWords; word++) {
      hash = Math.imul(hash ^ this.#mem.guestLoad(base + word), 0x0100_0193);
    }
    return hash;
  }

  #copy(pfn: Pfn): Int32Array {
    const base = pageBase(this.#vm, pfn);
    return Int32Array.from({ length: this.#vm.pageWords }, (_, word) =>
      this.#mem.guestLoad(base + word),
    );
  }

  #holds(pfn: Pfn, content: Int32Array): boolean {
    const base = pageBase(this.#vm, pfn);
    return content.every((value, word) => this.#mem.guestLoad(base + word) === value);
  }
}
