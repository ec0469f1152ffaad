// The dirty log of a VM, of whichever kind it has, as one client reads it who copies the pages that it is told of.
//
//   bitmap                   a harvest takes the log and write-protects its pages
//   manual, initially set    a harvest copies the log; a page is cleared, which write-protects it, when it is about to be read
//   rings                    a harvest resets the rings, which write-protects their pages, and takes what found no place in them
//
// Always: first write-protected and flushed, then read. In the other order what is stored between the two is in no copy, and
// in no log any more.
import type { Shared } from '@faultline/atomics';
import {
  clearDirtyLog,
  getDirtyLog,
  harvestRings,
  isDirtyRingSoftFull,
  type Memslot,
  resetDirtyRings,
  takeDirty,
  type Vm,
} from '@faultline/mmu';
import { PageSet } from './page-set.ts';

/** Pages that are cleared at a time, a multiple of 64: each clear is a flush, and what waits cleared is likely written again. */
const CHUNK = 1024;

export class VmLog {
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #slots: readonly Memslot[];
  readonly #client: number;
  /** Pages that a harvest told of and that are in the log still: of a log that its readers clear. */
  readonly #told: PageSet | undefined;

  constructor(mem: Shared, vm: Vm, slots: readonly Memslot[], client: number) {
    this.#mem = mem;
    this.#vm = vm;
    this.#slots = slots;
    this.#client = client;
    if (vm.manualDirtyLogProtect !== 'none') this.#told = new PageSet(vm.hostPages);
  }

  /** Logging has begun, and all pages are going to be read: what is in the log so far is forgotten, or cleared page by page. */
  begin(): void {
    this.harvest(() => {});
  }

  /** Visits each page that was written since the last harvest. */
  harvest(visit: (hvn: number) => void): void {
    this.relieve();
    for (const slot of this.#slots) {
      getDirtyLog(this.#mem, this.#vm, slot.id);
      takeDirty(this.#mem, this.#vm, slot, this.#client, (hvn) => {
        this.#told?.add(hvn);
        visit(hvn);
      });
    }
  }

  /** Takes what the rings hold, and lets vCPUs go on that wait for room in one. The next harvest tells of it. */
  relieve(): void {
    if (this.#vm.dirtyRing === 0) return;
    harvestRings(this.#mem, this.#vm);
    resetDirtyRings(this.#mem, this.#vm);
  }

  /** Does a vCPU wait for room in its ring? */
  get isFull(): boolean {
    if (this.#vm.dirtyRing === 0) return false;
    for (let vcpu = 0; vcpu < this.#vm.vcpus; vcpu++) {
      if (isDirtyRingSoftFull(this.#mem, this.#vm, vcpu)) return true;
    }
    return false;
  }

  /** Page `hvn` is about to be read. */
  beforeRead(hvn: number): void {
    if (this.#told?.has(hvn) === true) this.#clearChunk(hvn, this.#told);
  }

  /** Clears what was told of in the chunk of `hvn`, and nothing else: of other pages nobody has been told. */
  #clearChunk(hvn: number, told: PageSet): void {
    const slot = this.#slots.find((s) => hvn >= s.hvn && hvn < s.hvn + s.npages);
    if (slot === undefined) return;
    const firstPage = Math.floor((hvn - slot.hvn) / CHUNK) * CHUNK;
    const numPages = Math.min(CHUNK, slot.npages - firstPage);
    const bits = new Int32Array(CHUNK / 32);
    for (let page = 0; page < numPages; page++) {
      if (!told.delete(slot.hvn + firstPage + page)) continue;
      bits[page >> 5] = (bits[page >> 5] as number) | (1 << (page & 31));
    }
    clearDirtyLog(this.#mem, this.#vm, slot.id, {
      firstPage,
      numPages,
      bits,
      client: this.#client,
    });
  }
}
