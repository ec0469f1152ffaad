// A VMM that plugs memory in, moves it and takes it away under running vCPUs. While it is away, or read-only, nobody writes
// it: what the VMM finds in it twice must be the same.
import type { Shared } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  type Gfn,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPtePresent,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  moveMemslot,
  PAGE_WORDS,
  pageBase,
  setMemslotFlags,
  type Vm,
} from '@faultline/mmu';
import { collectRings } from './dirty-log.ts';
import { placesOf } from './guests/pluggable.ts';
import { randomSource } from './guests/random.ts';
import type { Region } from './machine.ts';

export interface SlotStat {
  created: number;
  deleted: number;
  moved: number;
  /** Of `created`: those that were read-only. */
  readonly: number;
  /** Times that the dirty log was switched on or off. */
  switched: number;
  /** Times that memory changed while no guest could write it: must stay 0. */
  changed: number;
}

export class SlotChanger {
  readonly stat: SlotStat = {
    created: 0,
    deleted: 0,
    moved: 0,
    readonly: 0,
    switched: 0,
    changed: 0,
  };
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #region: Region;
  readonly #next = randomSource(7);
  /** Flags of the slot, undefined while it is away. */
  #flags: number | undefined;
  #gfn: number;
  /** What the memory held when it was taken from the guest. */
  #found: number | undefined;

  /** The slot of `region` is there, at its first place, with `flags`. */
  constructor(mem: Shared, vm: Vm, region: Region, flags = 0) {
    this.#mem = mem;
    this.#vm = vm;
    this.#region = region;
    this.#gfn = region.gfn;
    this.#flags = flags;
  }

  /** Does one thing to the slot. */
  step(): void {
    this.#lookAgain();
    if (this.#flags === undefined) this.#create();
    else if (this.#next(3) === 0) this.#delete();
    else if (this.#next(2) === 0) this.#move();
    else this.#switchLog();
  }

  /** A last look. The slot's log ends: who serves the rings may have gone, and a vCPU waits for room in one for ever. */
  close(): void {
    this.#lookAgain();
    if (((this.#flags ?? 0) & KVM_MEM_LOG_DIRTY_PAGES) !== 0) this.#switchLog();
    if (this.#vm.dirtyRing !== 0) collectRings(this.#mem, this.#vm);
  }

  #create(): void {
    const { slot: id, npages, hvn } = this.#region;
    const readonly = this.#next(4) === 0;
    const flags = (readonly ? KVM_MEM_READONLY : 0) | this.#next(2);
    this.#gfn = this.#anyPlace();
    const baseGfn = this.#gfn as Gfn;
    createMemslot(this.#mem, this.#vm, { id, baseGfn, npages, hvn: hvn as Hvn, flags });
    this.#flags = flags;
    this.stat.created++;
    if (readonly) this.stat.readonly++;
    else this.#found = undefined;
  }

  #delete(): void {
    deleteMemslot(this.#mem, this.#vm, this.#region.slot);
    this.#flags = undefined;
    this.stat.deleted++;
    this.#found = this.#checksum();
  }

  #move(): void {
    const gfn = this.#anyPlace();
    if (gfn === this.#gfn) return;
    moveMemslot(this.#mem, this.#vm, this.#region.slot, gfn as Gfn);
    this.#gfn = gfn;
    this.stat.moved++;
  }

  #switchLog(): void {
    this.#flags = (this.#flags as number) ^ KVM_MEM_LOG_DIRTY_PAGES;
    setMemslotFlags(this.#mem, this.#vm, this.#region.slot, this.#flags);
    this.stat.switched++;
  }

  #anyPlace(): number {
    const places = placesOf(this.#region);
    return places[this.#next(places.length)] as number;
  }

  #lookAgain(): void {
    if (this.#found !== undefined && this.#checksum() !== this.#found) this.stat.changed++;
  }

  /** Of all words, in order. A page that the host has not given yet counts as the zeros that it will give. */
  #checksum(): number {
    const { hvn, npages } = this.#region;
    let sum = 0;
    for (let page = hvn; page < hvn + npages; page++) {
      const pte = this.#mem.load32(hostPtep(this.#vm, page as Hvn));
      const base = isHostPtePresent(pte) ? pageBase(this.#vm, hostPtePfn(pte)) : -1;
      for (let word = 0; word < PAGE_WORDS; word++) {
        const content = base < 0 ? 0 : this.#mem.guestLoad(base + word);
        sum = (Math.imul(sum, 31) + content) | 0;
      }
    }
    return sum;
  }
}
