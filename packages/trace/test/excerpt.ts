// A trace cut down to a few events, for the rules of a replay: a slot, and what vCPUs and the VMM do with it.
import {
  type Gfn,
  type Gpa,
  type Hva,
  makeMmioSpte,
  type Pfn,
  type Spte,
  type Sptep,
} from '@faultline/mmu';
import type { Marker } from '../src/marker.ts';
import { Recorder } from '../src/replay/acts/recorder.ts';
import { replay } from '../src/replay/replay.ts';
import type { Verdicts } from '../src/replay/verdicts.ts';
import type { TraceBody } from '../src/trace-event.ts';

export const SLOT_GFN = 0x10000;
const HVA = 0x7f00_0000_0000;
const PAGES = 512;
export const VMM = 1;
const NONE: Spte = { low: 0, high: 1 << 31 };

/** What a task, by its number, told. vCPU n is task 10 + n. */
export type Telling = readonly [pid: number, ...bodies: TraceBody[]];
export const vcpuTask = (vcpu: number): number => 10 + vcpu;

/** A leaf as the kernel prints it: frame and low twelve bits. */
export const leaf = (pfn: number, flags: number): Spte => ({ low: (pfn << 12) | flags, high: 0 });
const table = (frame: number): Spte => leaf(frame, 0x827);

const marked = (marker: Marker): Telling => [VMM, { event: 'marker', marker }];

const memslot = (at: 'begin' | 'end', op: string, flags: number): Telling =>
  marked({
    ev: 'memslot',
    at,
    op,
    slot: 1,
    gpa: `0x${(SLOT_GFN * 4096).toString(16)}`,
    size: PAGES * 4096,
    hva: `0x${HVA.toString(16)}`,
    flags,
    ...(at === 'end' ? { errno: 0 } : {}),
  });

export const slotCreated = (flags = 0): Telling[] => [
  memslot('begin', 'create', flags),
  memslot('end', 'create', flags),
];
/** The ioctl that switches the log on, and what happens within. */
export const logBegins = (...within: Telling[]): Telling[] => [
  memslot('begin', 'flags', 1),
  ...within,
  memslot('end', 'flags', 1),
];

export const logEnds = (): Telling[] => [memslot('begin', 'flags', 0), memslot('end', 'flags', 0)];

/** The ioctl that deletes the slot, and what happens before the root is given up. */
export const slotDeleted = (...within: Telling[]): Telling[] => [
  memslot('begin', 'delete', 0),
  ...within,
  [VMM, { event: 'kvm_mmu_zap_all_fast', mmu_valid_gen: 0, mmu_used_pages: 0 }],
  memslot('end', 'delete', 0),
];

/** A harvest of the first 64 pages, and what happens within. `words`: as printed. */
export const harvested = (words: string, ...within: Telling[]): Telling[] => [
  marked({ ev: 'get_dirty_log', at: 'begin', slot: 1, round: 0 }),
  ...within,
  marked({ ev: 'get_dirty_log', at: 'end', slot: 1, round: 0, pages: PAGES, dirty: 1 }),
  marked({
    ev: 'dirty_bits',
    slot: 1,
    round: 0,
    base_gfn: `0x${SLOT_GFN.toString(16)}`,
    first_page: 0,
    words_hex: words,
  }),
];

export const changed = (page: number, old_spte: Spte, new_spte: Spte): TraceBody => ({
  event: 'kvm_tdp_mmu_spte_changed',
  as_id: 0,
  gfn: (SLOT_GFN + page) as Gfn,
  level: 1,
  old_spte,
  new_spte,
});
/** The VMM takes W from a page. */
export const protects = (page: number, pfn: number, flags = 0xe67): Telling => [
  VMM,
  changed(page, leaf(pfn, flags), leaf(pfn, flags & ~2)),
];
export const linked = (level: 2 | 3 | 4): TraceBody => ({
  ...(changed(0, NONE, table(0x500 + level)) as Extract<
    TraceBody,
    { event: 'kvm_tdp_mmu_spte_changed' }
  >),
  level,
  gfn: (level === 2 ? SLOT_GFN : 0) as Gfn,
});
export const LINKS: readonly TraceBody[] = [linked(4), linked(3), linked(2)];

export const pageFault = (vcpu: number, page: number, error_code = 0x1_0000_0006): TraceBody => ({
  event: 'kvm_page_fault',
  vcpu_id: vcpu,
  rip: 0,
  fault_address: ((SLOT_GFN + page) * 4096) as Gpa,
  error_code,
});
export const requested = (page: number, pfn: number): TraceBody => ({
  event: 'kvm_mmu_spte_requested',
  gfn: (SLOT_GFN + page) as Gfn,
  pfn: pfn as Pfn,
  level: 1,
});
export const set = (page: number, spte: Spte): TraceBody => ({
  event: 'kvm_mmu_set_spte',
  gfn: (SLOT_GFN + page) as Gfn,
  spte,
  level: 1,
  sptep: 0 as Sptep,
});
export const enters = (vcpu: number): TraceBody => ({ event: 'kvm_entry', vcpu_id: vcpu, rip: 0 });

/** A whole fault that maps a page where none is, with the tables that it links. */
export const mapped = (
  vcpu: number,
  page: number,
  pfn: number,
  links: readonly TraceBody[] = [],
): Telling => [
  vcpuTask(vcpu),
  pageFault(vcpu, page),
  requested(page, pfn),
  ...links,
  changed(page, NONE, leaf(pfn, 0xe67)),
  set(page, leaf(pfn, 0xe67)),
  enters(vcpu),
];

/** The guest runs a guest of its own, with or without nested paging. */
export const entersNested = (vcpu: number, tdp_enabled: boolean): Telling => [
  vcpuTask(vcpu),
  {
    event: 'kvm_nested_vmenter',
    rip: 0,
    vmcb: 0x60000 as Gpa,
    nested_rip: 0,
    int_ctl: 0,
    event_inj: 0,
    tdp_enabled,
    guest_pgd: 0x180000,
  },
  enters(vcpu),
];
const nestedExit = {
  reason: 'npf',
  info1: { low: 0, high: 0 },
  info2: { low: 0, high: 0 },
  intr_info: 0,
  error_code: 0,
};
/** KVM asks whether the guest wants the exit, and serves it itself. */
export const asksForNested = (vcpu: number): Telling => [
  vcpuTask(vcpu),
  { event: 'kvm_nested_vmexit', vcpu_id: vcpu, rip: 0, ...nestedExit },
];
export const leavesNested = (vcpu: number): Telling => [
  vcpuTask(vcpu),
  { event: 'kvm_nested_vmexit_inject', ...nestedExit },
  enters(vcpu),
];

/** A fault that sets a leaf in a table that shadows the guest's: no change is told. */
export const shadowed = (vcpu: number, page: number, pfn: number): Telling => [
  vcpuTask(vcpu),
  pageFault(vcpu, page),
  requested(page, pfn),
  set(page, leaf(pfn, 0xe67)),
  enters(vcpu),
];

/** KVM carries out the instruction itself. */
export const emulates: TraceBody = {
  event: 'kvm_emulate_insn',
  csbase: 0,
  rip: 0,
  insn: '48 8b 06',
  flags: 'prot64',
  failed: false,
};

const mmioSpte = (page: number, gen: number): Spte => makeMmioSpte(gen, (SLOT_GFN + page) as Gfn);

/** A whole fault on the 2M after the slot, where there is no memory; `links`: it links the table for it. */
export const marksMmio = (
  vcpu: number,
  page: number,
  gen: number,
  links: 'links' | 'finds the table',
): Telling => {
  const table = linked(2) as Extract<TraceBody, { event: 'kvm_tdp_mmu_spte_changed' }>;
  const gfn = (SLOT_GFN + page) as Gfn;
  return [
    vcpuTask(vcpu),
    pageFault(vcpu, page),
    requested(page, 2 ** 63),
    ...(links === 'links' ? [{ ...table, gfn: (SLOT_GFN + PAGES) as Gfn }] : []),
    changed(page, NONE, mmioSpte(page, gen)),
    { event: 'mark_mmio_spte', sptep: 0 as Sptep, gfn, access: 7, gen },
    enters(vcpu),
  ];
};

/** Another access there: hardware says that a reserved bit is set. */
export const checksMmio = (vcpu: number, page: number, gen: number): Telling => [
  vcpuTask(vcpu),
  pageFault(vcpu, page, 0x1_0000_000e),
  { event: 'check_mmio_spte', spte: mmioSpte(page, gen), kvm_gen: gen, spte_gen: gen, valid: true },
  { event: 'handle_mmio_page_fault', addr: 0 as Gpa, gfn: (SLOT_GFN + page) as Gfn, access: 6 },
  enters(vcpu),
];

/** A whole fault that gives W back without the lock. */
export const fixed = (vcpu: number, page: number, pfn: number): Telling => [
  vcpuTask(vcpu),
  pageFault(vcpu, page, 0x1_0000_0007),
  {
    event: 'fast_page_fault',
    vcpu_id: vcpu,
    cr2_or_gpa: ((SLOT_GFN + page) * 4096) as Gpa,
    error_code: 7,
    sptep: 0 as Sptep,
    old_spte: leaf(pfn, 0xe65),
    new_spte: leaf(pfn, 0xe67),
    spurious: false,
    fixed: true,
  },
  enters(vcpu),
];

/** Another task of the host withdraws a page, and what was mapped there. */
export const withdrawn = (page: number, ...bodies: TraceBody[]): Telling => [
  2,
  {
    event: 'kvm_unmap_hva_range',
    start: (HVA + page * 4096) as Hva,
    end: (HVA + (page + 1) * 4096) as Hva,
  },
  ...bodies,
];
export const zapped = (page: number, pfn: number): TraceBody =>
  changed(page, leaf(pfn, 0xe67), NONE);

/** What becomes of it all. */
export function replayOf(...tellings: readonly Telling[]): Verdicts {
  const recorder = new Recorder();
  let line = 0;
  for (const [pid, ...bodies] of tellings) {
    for (const body of bodies) {
      line++;
      recorder.add({ line, task: `task${pid}`, pid, cpu: 0, time: line, body });
    }
  }
  return replay(recorder.end());
}
