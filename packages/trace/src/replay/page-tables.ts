// The page tables of the replayed VM from outside: which entry lies where, and what is put there when the MMU and the trace
// have parted, so that one difference does not lead to many.
import type { Shared } from '@faultline/atomics';
import {
  childTable,
  entryAt,
  firstGfn,
  type Gfn,
  getShadowPage,
  initTable,
  isMmioSpte,
  isShadowPresent,
  leadsToTable,
  linkShadowPage,
  makeNonleafSpte,
  pagesPerEntry,
  type Spte,
  type Sptep,
  tableFrame,
  type Vm,
  validRoot,
} from '@faultline/mmu';

/** Which entry: of the root that is in use, unless `sptep` says where it lies. */
export interface Place {
  readonly gfn: number;
  readonly level: number;
  readonly sptep?: Sptep;
}

export class PageTables {
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #tableMask: number;
  /** What the first entry of each table stands for. */
  readonly #tables = new Map<number, Place>();

  constructor(mem: Shared, vm: Vm) {
    this.#mem = mem;
    this.#vm = vm;
    this.#tableMask = (8 << vm.geometry.indexBits) - 1;
    for (const root of vm.roots) this.#tables.set(root, { gfn: 0, level: vm.geometry.levels });
  }

  /** Of the table that vCPUs map in. */
  get root(): number {
    return validRoot(this.#mem, this.#vm);
  }

  /** What the entry at an address stands for. */
  placeOf(address: number): Place | undefined {
    const table = this.#tables.get(address & ~this.#tableMask);
    if (table === undefined) return undefined;
    const index = (address & this.#tableMask) >> 3;
    const pages = pagesPerEntry(table.level, this.#vm.geometry.indexBits);
    return { gfn: table.gfn + index * pages, level: table.level, sptep: address as Sptep };
  }

  /** An entry of `place` leads to a table now. */
  learn({ gfn, level }: Place, spte: Spte): void {
    if (level === 1 || !leadsToTable(spte.low)) return;
    const first = firstGfn(gfn as Gfn, level, this.#vm.geometry.indexBits);
    this.#tables.set(childTable(this.#vm, spte.low), { gfn: first, level: level - 1 });
  }

  /** Where the entry lies; undefined where no table leads there. */
  find({ gfn, level }: Place): Sptep | undefined {
    const { sptep, level: reached } = this.#walk(gfn, level);
    return reached === level ? sptep : undefined;
  }

  /** What stands there; undefined where no table leads there. */
  read(place: Place): Spte | undefined {
    const sptep = place.sptep ?? this.find(place);
    return sptep === undefined ? undefined : this.#load(sptep);
  }

  /** Puts it there, with the tables that lead there. */
  put(place: Place, spte: Spte): void {
    if (place.sptep !== undefined) {
      this.#mem.store64(place.sptep, spte.low, spte.high);
      return;
    }
    const { level } = this.#walk(place.gfn, place.level);
    const isPut = this.#vm.tdpMmuEnabled
      ? level === place.level || isShadowPresent(spte.low)
      : this.#isPutLegacy(place, spte);
    if (isPut) this.#mem.store64(this.reach(place), spte.low, spte.high);
  }

  /** In the legacy MMU a leaf is in an rmap, which only the MMU itself puts it in, or takes it from. */
  #isPutLegacy(place: Place, spte: Spte): boolean {
    const isMapped = isShadowPresent(this.read(place)?.low ?? 0);
    return isMmioSpte(spte.low, spte.high) ? !isMapped : isMapped && isShadowPresent(spte.low);
  }

  /** Where the entry lies, with the tables that lead there made where they are missing. */
  reach(place: Place): Sptep {
    let { sptep, level } = this.#walk(place.gfn, place.level);
    for (; level > place.level; level--) {
      const table = this.#linkTable(sptep, { gfn: place.gfn, level });
      sptep = entryAt(this.#vm, table, place.gfn as Gfn, level - 1);
    }
    return sptep;
  }

  /** A table below the entry at `sptep`, which stands for `place`. */
  #linkTable(sptep: Sptep, place: Place): number {
    const table = this.#vm.tdpMmuEnabled
      ? this.#newTable(sptep)
      : this.#newShadowPage(sptep, place);
    this.learn(place, this.#load(sptep));
    return table;
  }

  #newTable(sptep: Sptep): number {
    const table = this.#mem.alloc();
    initTable(this.#mem, this.#vm, table);
    const leads = makeNonleafSpte(tableFrame(this.#vm, table));
    this.#mem.store64(sptep, leads.low, leads.high);
    return table;
  }

  #newShadowPage(sptep: Sptep, { gfn, level }: Place): number {
    const first = firstGfn(gfn as Gfn, level, this.#vm.geometry.indexBits);
    const table = getShadowPage(this.#mem, this.#vm, { gfn: first, level: level - 1 });
    linkShadowPage(this.#mem, this.#vm, sptep, table);
    return table;
  }

  #walk(gfn: number, lowest: number): { sptep: Sptep; level: number } {
    let { levels: level } = this.#vm.geometry;
    let sptep = entryAt(this.#vm, this.root, gfn as Gfn, level);
    while (level > lowest) {
      const { low } = this.#load(sptep);
      if (!leadsToTable(low)) break;
      level--;
      sptep = entryAt(this.#vm, childTable(this.#vm, low), gfn as Gfn, level);
    }
    return { sptep, level };
  }

  #load(sptep: Sptep): Spte {
    const low = this.#mem.load64(sptep);
    return { low, high: this.#mem.high };
  }
}
