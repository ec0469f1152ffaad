// The ioctls of the VMM that the trace's markers bracket, through the MMU's own functions.
import {
  clearDirtyLog,
  createMemslot,
  deleteMemslot,
  type Gfn,
  getDirtyLog,
  isLogged,
  type Memslot,
  moveMemslot,
  PAGE_SIZE,
  resetDirtyRings,
  setMemslotFlags,
  takeDirty,
} from '@faultline/mmu';
import type { IoctlAct, IoctlMarker } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';
import type { HostMemory } from '../host-memory.ts';
import { compareHarvest, pagesOf } from './harvest.ts';
import { protectNested, zapNestedRoot } from './nested-root.ts';
import type { OpenInvalidations } from './open-invalidations.ts';

function bitsOf(pages: readonly number[], first: number, count: number): Int32Array {
  const bits = new Int32Array(Math.ceil(count / 32));
  for (const page of pages) {
    const at = page - first;
    bits[at >> 5] = (bits[at >> 5] as number) | (1 << (at & 31));
  }
  return bits;
}

const NONE: ReadonlySet<number> = new Set();

type MarkerOf<Ev extends IoctlMarker['ev']> = Extract<IoctlMarker, { ev: Ev }>;

export class IoctlPerformer {
  readonly #conductor: Conductor;
  readonly #invalidations: OpenInvalidations;
  readonly #host: HostMemory;
  /** The last harvest of each slot: what a clear passes. */
  readonly #harvests = new Map<number, IoctlAct>();

  constructor(conductor: Conductor, invalidations: OpenInvalidations, host: HostMemory) {
    this.#conductor = conductor;
    this.#invalidations = invalidations;
    this.#host = host;
  }

  perform(act: IoctlAct, index: number): void {
    if (index !== act.at || act.state !== 'waiting') return;
    act.state = 'running';
    const { marker } = act;
    if (marker.ev === 'memslot') this.#memslot(act, marker);
    else if (marker.ev === 'get_dirty_log') this.#harvest(act, marker);
    else if (marker.ev === 'clear_dirty_log') this.#clear(act, marker);
    else this.#reset(act);
    act.state = 'done';
  }

  #steered(act: IoctlAct, body: () => void, log?: Memslot): void {
    const steering = log === undefined ? { steered: true } : { steered: true, log };
    this.#conductor.during(act, act.decisions, steering, body);
  }

  #memslot(act: IoctlAct, { op, slot: id, gpa, size, hva, flags }: MarkerOf<'memslot'>): void {
    if (act.ended?.ev !== 'memslot' || act.ended.errno !== 0) return;
    if (act.at !== act.begin) this.#conductor.ledger.verdicts.infer('generation-told');
    this.#invalidations.endAll();
    const { replayed } = this.#conductor;
    const { agent, vm, slots } = replayed;
    const baseGfn = (Number(gpa) / PAGE_SIZE) as Gfn;
    this.#steered(act, () => {
      if (op === 'create') {
        const npages = size / PAGE_SIZE;
        const hvn = this.#host.place(Number(hva), npages);
        createMemslot(agent, vm, { id, baseGfn, npages, hvn, flags });
        return;
      }
      const slot = slots.find((known) => known.id === id);
      if (slot === undefined) return;
      if (op === 'delete') deleteMemslot(agent, vm, id);
      else if (op === 'move') moveMemslot(agent, vm, id, baseGfn);
      else setMemslotFlags(agent, vm, id, flags);
      if (op !== 'flags') zapNestedRoot(replayed);
      else if (isLogged({ ...slot, flags }) && !isLogged(slot)) this.#beginNestedLog(slot);
    });
  }

  #beginNestedLog({ baseGfn, npages }: Memslot): void {
    const { replayed } = this.#conductor;
    if (replayed.vm.manualDirtyLogProtect === 'initially-set') return;
    protectNested(replayed, baseGfn, Array(npages).keys());
  }

  #harvest(act: IoctlAct, { slot: id }: MarkerOf<'get_dirty_log'>): void {
    const slot = this.#slot(id);
    if (slot === undefined || act.ended === undefined) return;
    const { replayed } = this.#conductor;
    const { agent, vm } = replayed;
    this.#harvests.set(id, act);
    const placed = vm.tdpMmuEnabled ? NONE : this.#placeMarks(act, slot);
    const found = new Set<number>();
    const harvest = (): void => {
      getDirtyLog(agent, vm, id);
      takeDirty(agent, vm, slot, 0, (hvn) => found.add(hvn - slot.hvn));
      if (vm.manualDirtyLogProtect === 'none') protectNested(replayed, slot.baseGfn, found);
    };
    this.#steered(act, harvest, slot);
    compareHarvest(this.#conductor, act, slot, { found, placed });
  }

  /** No protection is told: what was written during the harvest is in it if user space got it. */
  #placeMarks(act: IoctlAct, slot: Memslot): ReadonlySet<number> {
    const { agent, vm } = this.#conductor.replayed;
    const placed = new Set<number>();
    for (const page of pagesOf(act)) {
      const hvn = slot.hvn + page;
      const word = agent.load32(vm.at.dirty_bitmap + ((hvn >>> 5) << 2));
      if (((word >>> (hvn & 31)) & 1) !== 0) continue;
      if (this.#conductor.hindsight.hasten(slot.baseGfn + page, act.end ?? act.begin))
        placed.add(page);
    }
    return placed;
  }

  #clear(act: IoctlAct, { slot: id, first_page, num_pages }: MarkerOf<'clear_dirty_log'>): void {
    const slot = this.#slot(id);
    const last = this.#harvests.get(id);
    if (slot === undefined || last === undefined || act.ended === undefined) return;
    const pages = [...pagesOf(last)].filter(
      (page) => page >= first_page && page < first_page + num_pages,
    );
    const { replayed } = this.#conductor;
    const clear = (): void => {
      const range = { firstPage: first_page, numPages: num_pages, client: 0 };
      const bits = bitsOf(pages, first_page, num_pages);
      clearDirtyLog(replayed.agent, replayed.vm, id, { ...range, bits });
      protectNested(replayed, slot.baseGfn, pages);
    };
    this.#steered(act, clear, slot);
  }

  #reset(act: IoctlAct): void {
    const { agent, vm } = this.#conductor.replayed;
    this.#steered(act, () => {
      resetDirtyRings(agent, vm);
    });
  }

  #slot(id: number): Memslot | undefined {
    return this.#conductor.replayed.slots.find((slot) => slot.id === id);
  }
}
