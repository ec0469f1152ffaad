// A thread of the host that does to the guest's pages, at random, whatever a host does: swaps them out and serves who asks
// for them, moves them, keeps them as they are for a while, makes them read-only for a while, drops them.
//
// It is the only one that makes pages missing or read-only; `close` leaves none of them so.
import type { Shared } from '@faultline/atomics';
import {
  dropPages,
  type Hvn,
  installPage,
  movePage,
  PAGE_WORDS,
  type Pfn,
  pageBase,
  pauseVcpus,
  protectPages,
  putPage,
  resumeVcpus,
  sharePages,
  swapOut,
  unprotectPages,
  type Vm,
  waitForPageRequest,
} from '@faultline/mmu';
import { randomSource } from './guests/random.ts';
import type { Machine, Region } from './machine.ts';

export interface HostStat {
  swappedOut: number;
  broughtIn: number;
  moved: number;
  /** Pages kept as they were for a while. */
  kept: number;
  /** Kept pages found changed: must stay 0. */
  changed: number;
  /** Ranges made read-only for a while. */
  protectedRanges: number;
  dropped: number;
}

interface KeptPage {
  readonly pfn: Pfn;
  readonly content: Int32Array;
}

const STRETCH = 8;
const MOST_KEPT = 4 * STRETCH;
/** How long it waits for a request before it does something else. */
const IDLE_MS = 1;

export class HostAgent {
  readonly stat: HostStat = {
    swappedOut: 0,
    broughtIn: 0,
    moved: 0,
    kept: 0,
    changed: 0,
    protectedRanges: 0,
    dropped: 0,
  };
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #ledger: Int32Array;
  readonly #region: Region;
  readonly #random: (below: number) => number = randomSource(0x4057);
  /** The swap store: a page's slot is its hvn. */
  readonly #store = new Map<number, Int32Array>();
  #kept: KeptPage[] = [];
  #protected: { readonly hvn: Hvn; readonly count: number } | undefined;
  readonly #acts: readonly (() => void)[];

  /** With `drops`, nobody else may pause the vCPUs. */
  constructor(mem: Shared, { vm, ledger }: Machine, region: Region, drops: boolean) {
    this.#mem = mem;
    this.#vm = vm;
    this.#ledger = ledger;
    this.#region = region;
    const acts = [this.#swap, this.#swap, this.#move, this.#keep, this.#release, this.#protect];
    this.#acts = drops ? [...acts, this.#drop] : acts;
  }

  /** Serves one who sleeps for a page, if there is one, and does one thing more. */
  run(): void {
    const wanted = waitForPageRequest(this.#mem, this.#vm, IDLE_MS);
    if (wanted !== undefined) this.#bringIn(wanted);
    this.#acts[this.#random(this.#acts.length)]?.call(this);
  }

  /** Undoes what others would wait for. */
  close(): void {
    this.#unprotect();
    this.#release();
    for (const hvn of [...this.#store.keys()]) this.#bringIn(hvn as Hvn);
  }

  #page(): Hvn {
    return (this.#region.hvn + this.#random(this.#region.npages)) as Hvn;
  }

  /** A few pages in a row. */
  #stretch(): { readonly hvn: Hvn; readonly count: number } {
    const hvn = this.#page();
    const left = this.#region.hvn + this.#region.npages - hvn;
    return { hvn, count: Math.min(left, 1 + this.#random(STRETCH)) };
  }

  #swap(): void {
    const hvn = this.#page();
    const save = (pfn: Pfn): void => {
      this.#store.set(hvn, this.#copy(pfn));
    };
    if (swapOut(this.#mem, this.#vm, hvn, { slot: hvn, save })) this.stat.swappedOut++;
  }

  #bringIn(hvn: Hvn): void {
    const came = installPage(this.#mem, this.#vm, hvn, (pfn, slot) => {
      const content = this.#store.get(slot) as Int32Array;
      const base = pageBase(this.#vm, pfn);
      for (let word = 0; word < PAGE_WORDS; word++) {
        this.#mem.guestStore(base + word, content[word] as number);
      }
    });
    this.#store.delete(hvn);
    if (came) this.stat.broughtIn++;
  }

  #move(): void {
    if (movePage(this.#mem, this.#vm, this.#page())) this.stat.moved++;
  }

  /** Pages that are out are left: nobody else could bring them in. */
  #keep(): void {
    const { hvn, count } = this.#stretch();
    if (this.#kept.length + count > MOST_KEPT) this.#release();
    for (let page = hvn; page < hvn + count; page++) {
      if (this.#store.has(page)) this.#bringIn(page);
    }
    sharePages(this.#mem, this.#vm, hvn, count, (_, pfn) => {
      this.#kept.push({ pfn, content: this.#copy(pfn) });
      this.stat.kept++;
    });
  }

  #release(): void {
    for (const { pfn, content } of this.#kept) {
      const now = this.#copy(pfn);
      if (content.some((value, word) => now[word] !== value)) this.stat.changed++;
      putPage(this.#mem, this.#vm, pfn);
    }
    this.#kept = [];
  }

  #protect(): void {
    this.#unprotect();
    const range = this.#stretch();
    protectPages(this.#mem, this.#vm, range.hvn, range.count);
    this.#protected = range;
    this.stat.protectedRanges++;
  }

  #unprotect(): void {
    if (this.#protected === undefined) return;
    unprotectPages(this.#mem, this.#vm, this.#protected.hvn, this.#protected.count);
    this.#protected = undefined;
  }

  /** With the vCPUs paused no store is between memory and the ledger. */
  #drop(): void {
    const { hvn, count } = this.#stretch();
    pauseVcpus(this.#mem, this.#vm);
    this.stat.dropped += dropPages(this.#mem, this.#vm, hvn, count);
    this.#ledger.fill(0, hvn * PAGE_WORDS, (hvn + count) * PAGE_WORDS);
    resumeVcpus(this.#mem, this.#vm);
    for (let page: number = hvn; page < hvn + count; page++) this.#store.delete(page);
  }

  #copy(pfn: Pfn): Int32Array {
    const base = pageBase(this.#vm, pfn);
    return Int32Array.from({ length: PAGE_WORDS }, (_, word) => this.#mem.guestLoad(base + word));
  }
}
