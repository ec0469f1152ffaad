// Reads a trace's events, in order, and makes the script that is played of them.
import {
  type Gpa,
  gpaToGfn,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  type MmuKind,
  PAGE_SIZE,
  PFERR_WRITE_MASK,
} from '@faultline/mmu';
import type { Marker, TraceEvent } from '@faultline/trace';
import { DIRTY_RING_ENTRIES, type DirtyLog } from './dirty-log.ts';
import { countKernelEvent, newKernelCounts } from './kernel-counts.ts';
import { MOST_PAGES, type Region } from './machine.ts';
import { touchedRanges } from './touched-ranges.ts';
import type { Action, Touches, TracePlan } from './trace-plan.ts';

type MemslotMarker = Extract<Marker, { ev: 'memslot' }>;

/** Small pages of a huge one. */
const HUGE_PAGE = 512;
const KVM_DIRTY_LOG_INITIALLY_SET = 2;
/** As many as a VM has room for. */
const MOST_SLOTS = 32;
const PLAYED_FLAGS = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
/** KVM: KVM_MAX_VCPU_IDS is of this order; a larger number comes from a damaged line. */
const VCPU_LIMIT = 4096;
/** No slot reaches up to here (8 TiB), so that an int32 holds every gfn; a touch beyond is played as one of this gfn. */
const GFN_LIMIT = 0x7fff_ffff;

/** Collects a plan from the events of one trace, in order. `add` throws a RangeError at what cannot be in a trace. */
export class TracePlanner {
  readonly #touches: number[][] = [];
  readonly #steps: { action: Action; touched: number[] }[] = [];
  /** Slots as they are at this point of the trace, and every region there ever was by where it lies. */
  readonly #slots = new Map<number, Region>();
  readonly #flags = new Map<number, number>();
  readonly #regions = new Map<string, Region>();
  readonly #mergeable = new Set<Region>();
  readonly #hva = new Map<Region, number>();
  readonly #notes = new Set<string>();
  readonly #kernel = newKernelCounts();
  #hostPages = 0;
  #dirtyLog: DirtyLog = 'bitmap';
  #isTdp = false;
  #dirtyRing = DIRTY_RING_ENTRIES;
  #thp = false;

  add({ body }: TraceEvent): void {
    countKernelEvent(this.#kernel, body);
    if (body.event === 'kvm_page_fault') {
      this.#touch(body.vcpu_id, body.fault_address, body.error_code);
    } else if (body.event === 'kvm_tdp_mmu_spte_changed') this.#isTdp = true;
    else if (body.event === 'marker') this.#marker(body.marker);
  }

  /** Throws a RangeError when the trace has nothing that can be played. */
  plan(): TracePlan {
    if (this.#kernel.pageFaults === 0) {
      throw new RangeError(
        'expected kvm_page_fault events of a vCPU, got none; usual cause: the trace was taken without kvm:kvm_page_fault',
      );
    }
    if (this.#regions.size === 0) this.#inferSlots();
    if (this.#hostPages > MOST_PAGES) {
      throw new RangeError(
        `expected at most ${inGiB(MOST_PAGES)} GiB of guest memory, got ${inGiB(this.#hostPages)} GiB`,
      );
    }
    for (const region of this.#slots.values()) this.#step({ kind: 'delete', region });
    return {
      vcpus: this.#touches.length,
      hostPages: this.#hostPages,
      regions: [...this.#regions.values()],
      steps: this.#steps.map(({ action, touched }) => ({
        action,
        touched: this.#touches.map((_, vcpu) => touched[vcpu] ?? 0),
      })),
      touches: this.#touches.map((flat) => this.#pack(flat)),
      kernel: this.#kernel,
      dirtyLog: this.#dirtyLog,
      mmu: this.#mmu(),
      dirtyRing: this.#dirtyRing,
      transparentHugepage: this.#thp,
      mergeable: [...this.#mergeable],
      notes: [...this.#notes],
    };
  }

  /** Each entry that the TDP MMU changes is told of; the legacy MMU tells of the leaves that its faults set. */
  #mmu(): MmuKind {
    if (this.#isTdp || this.#kernel.setSpte === 0) return 'tdp';
    this.#notes.add(
      'leaves are set, and no kvm_tdp_mmu_spte_changed tells of them: played with the legacy MMU',
    );
    return 'legacy';
  }

  #touch(vcpu: number, address: number, errorCode: number): void {
    if (vcpu >= VCPU_LIMIT)
      throw new RangeError(`expected a vCPU below ${VCPU_LIMIT}, got ${vcpu}`);
    for (let id = this.#touches.length; id <= vcpu; id++) this.#touches.push([]);
    const write = (errorCode & PFERR_WRITE_MASK) === 0 ? 0 : 1;
    if (address < 0 || address >= GFN_LIMIT * PAGE_SIZE) {
      this.#notes.add('faults from 8 TiB on (guest virtual addresses, large BARs) find no memory');
      this.#touches[vcpu]?.push(GFN_LIMIT, -1, write);
      return;
    }
    const gfn = gpaToGfn(address as Gpa);
    this.#touches[vcpu]?.push(gfn, this.#hvnOf(gfn), ((address % PAGE_SIZE) >> 2) * 2 + write);
  }

  #hvnOf(gfn: number): number {
    for (const region of this.#slots.values()) {
      if (gfn >= region.gfn && gfn < region.gfn + region.npages) {
        return region.hvn + gfn - region.gfn;
      }
    }
    return -1;
  }

  #step(action: Action): void {
    this.#steps.push({ action, touched: this.#touches.map((flat) => flat.length / 3) });
  }

  #marker(marker: Marker): void {
    if (marker.ev === 'memslot') this.#memslot(marker);
    else if (marker.ev === 'alloc') this.#thp ||= marker.thp !== 0;
    else if (marker.ev === 'get_dirty_log' && marker.at === 'begin') this.#harvest(marker.slot);
    else if (marker.ev === 'get_dirty_log') this.#kernel.dirtyPages += marker.dirty ?? 0;
    else if (marker.ev === 'enable_cap' && marker.errno === 0) this.#enableCap(marker);
    else if (marker.ev === 'clear_dirty_log' && marker.at === 'begin') {
      this.#clear(marker);
    } else if (marker.ev === 'reset_dirty_rings' && marker.at === 'begin') {
      this.#kernel.harvests++;
      this.#step({ kind: 'reset', regions: [...this.#slots.values()] });
    } else if (marker.ev === 'reset_dirty_rings') {
      this.#kernel.dirtyPages += marker.reset ?? 0;
    } else if (marker.ev === 'phase' && marker.name === 'fill-identical') {
      for (const region of this.#slots.values()) {
        if (region.slot !== 0) this.#step({ kind: 'fill', region });
      }
    } else if (marker.ev === 'host' && marker.act.includes('MADV_MERGEABLE')) {
      for (const [region, hva] of this.#hva) {
        if (hva === Number(marker.hva)) this.#mergeable.add(region);
      }
    } else if (marker.ev === 'sysfs' && marker.file.endsWith('/ksm/run')) {
      this.#step({ kind: 'ksm', run: marker.val.trim() === '1' });
    }
  }

  /** Which log the VMM asked for: KVM knows all capabilities before the first slot is logged. */
  #enableCap({ cap, arg = 0, entries }: Extract<Marker, { ev: 'enable_cap' }>): void {
    if (cap === 'MANUAL_DIRTY_LOG_PROTECT2' && arg !== 0) {
      this.#dirtyLog = (arg & KVM_DIRTY_LOG_INITIALLY_SET) === 0 ? 'manual' : 'initially-set';
    } else if (cap.startsWith('DIRTY_LOG_RING') && entries !== undefined) {
      this.#dirtyLog = 'ring';
      this.#dirtyRing = entries;
    }
  }

  #clear({ slot, first_page, num_pages }: Extract<Marker, { ev: 'clear_dirty_log' }>): void {
    const region = this.#slots.get(slot);
    if (region === undefined) return;
    this.#step({ kind: 'clear', region, firstPage: first_page, numPages: num_pages });
  }

  #harvest(slot: number): void {
    const region = this.#slots.get(slot);
    if (region === undefined) return;
    this.#kernel.harvests++;
    this.#step({ kind: 'harvest', region });
  }

  #memslot({ at, op, slot, gpa, size, hva, flags, errno }: MemslotMarker): void {
    const region = this.#slots.get(slot);
    const gfn = Number(gpa) / PAGE_SIZE;
    const npages = size / PAGE_SIZE;
    // What begins is played where it began; a new slot is there once it has ended.
    if (op === 'create' && at === 'end' && errno === 0) {
      this.#makeRoom(slot, gfn, npages);
      this.#deleteSlot(slot);
      const made = this.#region(slot, gfn, npages, Number(hva));
      this.#slots.set(slot, made);
      this.#flags.set(slot, flags & PLAYED_FLAGS);
      this.#step({ kind: 'create', region: made, flags: flags & PLAYED_FLAGS });
    } else if (region === undefined || at !== 'begin') return;
    else if (op === 'flags') this.#setFlags(region, flags);
    else if (op === 'delete') this.#take(region);
    else if (op === 'move') this.#move(region, gfn, flags);
  }

  /** KVM refuses to make memory read-only, or writable, by a flag; so does the player. */
  #setFlags(region: Region, flags: number): void {
    const old = this.#flags.get(region.slot) ?? 0;
    const next = (old & KVM_MEM_READONLY) | (flags & KVM_MEM_LOG_DIRTY_PAGES);
    this.#flags.set(region.slot, next);
    this.#step({ kind: 'flags', region, flags: next });
  }

  /** Its memory goes with it. KVM takes new flags with a move; here they come after it. */
  #move(region: Region, gfn: number, flags: number): void {
    this.#makeRoom(region.slot, gfn, region.npages);
    const to = { ...region, gfn };
    this.#slots.set(region.slot, to);
    this.#step({ kind: 'move', region, to });
    const old = this.#flags.get(region.slot) ?? 0;
    if (((old ^ flags) & KVM_MEM_LOG_DIRTY_PAGES) !== 0) this.#setFlags(to, flags);
  }

  #take(region: Region): void {
    this.#slots.delete(region.slot);
    this.#step({ kind: 'delete', region });
  }

  /** Deletes the slots in a place, as it would have happened if the trace had not lost that. */
  #makeRoom(slot: number, gfn: number, npages: number): void {
    const refuse = (expected: string, got: string): never => {
      throw new RangeError(`expected a memslot ${expected}, got ${got}`);
    };
    if (!(slot >= 0 && slot < MOST_SLOTS)) refuse(`below ${MOST_SLOTS}`, `slot ${slot}`);
    if (!(Number.isInteger(gfn) && Number.isInteger(npages) && npages > 0)) {
      refuse('of whole pages', `${npages} pages at gfn ${gfn}`);
    }
    if (gfn + npages > GFN_LIMIT) refuse('below 8 TiB', `${npages} pages at gfn ${gfn}`);
    for (const region of this.#slots.values()) {
      const apart = gfn + npages <= region.gfn || region.gfn + region.npages <= gfn;
      if (!apart && region.slot !== slot) this.#deleteSlot(region.slot);
    }
  }

  /** Of one whose deletion the trace has lost. */
  #deleteSlot(slot: number): void {
    const region = this.#slots.get(slot);
    if (region === undefined) return;
    this.#notes.add('a memslot came while another was in its place: that one is deleted first');
    this.#take(region);
  }

  /** The same guest range over the same memory is the same region each time it comes back. */
  #region(slot: number, gfn: number, npages: number, hva: number): Region {
    const key = `${slot} ${gfn} ${npages} ${hva}`;
    let region = this.#regions.get(key);
    if (region === undefined) {
      // With huge pages aligned as in the guest, where one of the host's can then be one of the MMU's.
      const gap = this.#thp ? (gfn - this.#hostPages) & (HUGE_PAGE - 1) : 0;
      const hvn = this.#hostPages + gap;
      region = { slot, gfn, npages, hvn };
      this.#hostPages = hvn + npages;
      this.#regions.set(key, region);
      this.#hva.set(region, hva);
    }
    return region;
  }

  /** A trace without memslot markers: a logged slot around what was touched, harvested ten times on the way. */
  #inferSlots(): void {
    const HARVESTS = 10;
    this.#steps.length = 0; // what other markers asked for, of slots that nobody knows
    const gfns = this.#touches.flatMap((flat) => flat.filter((_, index) => index % 3 === 0));
    const played = gfns.filter((gfn) => gfn < GFN_LIMIT);
    for (const { from, to } of touchedRanges(played, MOST_SLOTS)) {
      const region = this.#region(this.#slots.size, from, to - from, from);
      this.#slots.set(region.slot, region);
    }
    if (this.#slots.size === 0) {
      throw new RangeError(
        'expected faults at guest physical addresses, got none below 8 TiB; usual cause: the guest ran with shadow paging',
      );
    }
    const lengths = this.#touches.map((flat) => flat.length / 3);
    const at = (share: number) => lengths.map((length) => Math.floor(length * share));
    for (const region of this.#slots.values()) {
      const flags = KVM_MEM_LOG_DIRTY_PAGES;
      this.#steps.push({ action: { kind: 'create', region, flags }, touched: at(0) });
    }
    for (let harvest = 1; harvest < HARVESTS; harvest++) {
      for (const region of this.#slots.values()) {
        this.#steps.push({ action: { kind: 'harvest', region }, touched: at(harvest / HARVESTS) });
      }
    }
    for (const flat of this.#touches) {
      for (let at = 0; at < flat.length; at += 3) flat[at + 1] = this.#hvnOf(flat[at] as number);
    }
    this.#notes.add(
      `no memslot markers: ${this.#slots.size} logged slots around what was touched, harvested ${HARVESTS - 1} times`,
    );
  }

  #pack(flat: readonly number[]): Touches {
    const length = flat.length / 3;
    const column = (offset: number): Int32Array => {
      const array = new Int32Array(new SharedArrayBuffer(Math.max(4, length * 4)));
      for (let touch = 0; touch < length; touch++)
        array[touch] = flat[touch * 3 + offset] as number;
      return array;
    };
    return { length, gfn: column(0), hvn: column(1), word: column(2) };
  }
}

const inGiB = (pages: number): string => ((pages * PAGE_SIZE) / 2 ** 30).toFixed(1);
