// The whole MMU against a few plain maps: what two vCPUs, a harvester, KSM and a VMM do in turn, in any order, must look to
// the guest as if memory were an array, and to the reader of the log as if every store were noted by hand.
import { WAIT_WOKEN } from '@faultline/atomics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gfnLimit, gpaToGfn, type Hvn, type Pfn, pagesPerEntry } from '../src/address.ts';
import { clearDirtyLog } from '../src/dirty/clear-dirty-log.ts';
import { getDirtyLog, takeDirty } from '../src/dirty/harvest.ts';
import { harvestRings, resetDirtyRings } from '../src/dirty/reset-rings.ts';
import { clearYoung, testYoung } from '../src/host/aging.ts';
import { dropPages } from '../src/host/drop-pages.ts';
import {
  hostPtePfn,
  isHostPteKsm,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteWritable,
} from '../src/host/host-pte.ts';
import { collapseHugePage } from '../src/host/huge-page.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from '../src/host/ksm.ts';
import { installPage, swapOut } from '../src/host/missing-pages.ts';
import { movePage } from '../src/host/move-page.ts';
import { PG_DIRTY, pageFlags } from '../src/host/page-flags.ts';
import { isSameContent, pageBase, pageRefcount, putPage } from '../src/host/page-frames.ts';
import { nextPageRequest } from '../src/host/page-request.ts';
import { protectPages, unprotectPages } from '../src/host/protect-pages.ts';
import { sharePages } from '../src/host/share-pages.ts';
import type { FaultLock, FaultPath, VmConfig } from '../src/memory-map.ts';
import { MMIO_SPTE_GEN_MASK, mmioSpteGeneration, mmioSpteGfn } from '../src/spte/mmio-spte.ts';
import {
  illegalState,
  isDirty,
  isHostWritable,
  isLastSpte,
  isMmioSpte,
  isWritable,
  spteToPfn,
} from '../src/spte/spte.ts';
import { flushRemoteTlbs } from '../src/vm/flush-remote-tlbs.ts';
import {
  isLogged,
  isReadonly,
  KVM_MEM_READONLY,
  type Memslot,
  mmioGeneration,
} from '../src/vm/memslots.ts';
import { invalidRoot } from '../src/vm/roots.ts';
import {
  createMemslot,
  deleteMemslot,
  moveMemslot,
  setMemslotFlags,
} from '../src/vm/set-memory-region.ts';
import { forEachSpte } from '../src/vm/tdp-iter.ts';
import {
  type Bench,
  hostPteOf,
  hvnOf,
  illegalSptes,
  lastSpte,
  makeBench,
  pagesIn,
  pfnOf,
  slotOf,
  usedMmu,
  wordsOf,
} from './fixture.ts';

const PAGE_WORDS = 4;
/** Takes what each harvest found as soon as it is over. */
const AT_ONCE = 0;
/** Takes what several harvests found, now and then. */
const LATER = 1;

/** What the VM should be: no page table, no TLB, no log. */
class Model {
  readonly slots = new Map<number, Memslot>();
  readonly memory = new Map<number, number>();
  /** Pages of the VMM that the guest has written, in a logged slot, since that slot's last harvest. */
  readonly written = new Set<number>();
  readonly everWritten = new Set<number>();
  /** What harvests found since the client LATER asked. */
  readonly found = new Set<number>();

  slotAt(gfn: number): Memslot | undefined {
    return [...this.slots.values()].find((s) => gfn >= s.baseGfn && gfn < s.baseGfn + s.npages);
  }
  hvnAt(gfn: number): number | undefined {
    const slot = this.slotAt(gfn);
    return slot && slot.hvn + gfn - slot.baseGfn;
  }
  read(gfn: number, word: number): number {
    const hvn = this.hvnAt(gfn);
    return hvn === undefined ? -1 : (this.memory.get(hvn * PAGE_WORDS + word) ?? 0);
  }
  write(gfn: number, word: number, value: number): boolean {
    const slot = this.slotAt(gfn);
    if (slot === undefined || isReadonly(slot)) return false;
    const hvn = slot.hvn + gfn - slot.baseGfn;
    this.everWritten.add(hvn);
    this.memory.set(hvn * PAGE_WORDS + word, value);
    if (isLogged(slot)) this.written.add(hvn);
    return true;
  }
  /** The pages of `slot` that were written and not harvested; forgets them. */
  harvest({ hvn, npages }: Memslot): number[] {
    const pages = [...this.written].filter((page) => page >= hvn && page < hvn + npages);
    for (const page of pages) this.written.delete(page);
    return pages;
  }
  /** May `slot` be beside the others? One with its own id may be where it is. */
  hasRoomFor(slot: Memslot, hostPages: number, limit: number): boolean {
    const apart = (a: number, b: number, length: number) => a + slot.npages <= b || b + length <= a;
    return (
      slot.baseGfn + slot.npages <= limit &&
      slot.hvn + slot.npages <= hostPages &&
      [...this.slots.values()].every(
        (s) =>
          s.id === slot.id ||
          (apart(slot.baseGfn, s.baseGfn, s.npages) && apart(slot.hvn, s.hvn, s.npages)),
      )
    );
  }
}

interface World {
  readonly bench: Bench;
  readonly model: Model;
  /** Frames of which the same-page merging holds a reference. */
  readonly stable: number[];
  /** Shared frames with a reference of the test's, and what they held then. */
  readonly kept: { readonly pfn: number; readonly words: readonly number[] }[];
  /** What is swapped out, by slot. */
  readonly store: Map<number, readonly number[]>;
}

type Command =
  | { do: 'write'; vcpu: 0 | 1; gfn: number; word: number; value: number }
  | { do: 'read'; vcpu: 0 | 1; gfn: number; word: number }
  | { do: 'harvest'; id: number }
  | { do: 'take' }
  | { do: 'clear'; id: number; bits: number }
  | { do: 'merge'; kept: number; other: number; interrupted: boolean }
  | { do: 'protect'; hvn: number }
  | { do: 'collapse'; hvn: number }
  | { do: 'drop' }
  | { do: 'flush' }
  | { do: 'host'; act: HostAct; hvn: number; npages: number }
  | { do: 'age'; hvn: number; npages: number }
  | { do: 'flags'; id: number; flags: number }
  | { do: 'delete'; id: number }
  | { do: 'move'; id: number; baseGfn: number }
  | { do: 'create'; id: number; baseGfn: number; npages: number; hvn: number; flags: number };

function run(world: World, command: Command): void {
  const { bench, model, stable } = world;
  const { agent, vm, guests } = bench;
  switch (command.do) {
    case 'write': {
      const { vcpu, gfn, word, value } = command;
      expect(guests[vcpu].write(gfn, value, word)).toBe(model.write(gfn, word, value));
      return;
    }
    case 'read': {
      const { vcpu, gfn, word } = command;
      expect(guests[vcpu].read(gfn, word)).toBe(model.read(gfn, word));
      return;
    }
    case 'harvest': {
      const slot = model.slots.get(command.id);
      if (slot !== undefined) harvest(world, slot);
      return;
    }
    case 'take': {
      expect(takeAll(bench, LATER)).toEqual([...model.found].sort((a, b) => a - b));
      model.found.clear();
      return;
    }
    case 'clear':
      clearForLater(world, command);
      return;
    case 'merge':
      merge(world, command);
      return;
    case 'protect':
      writeProtectHostPage(agent, vm, hvnOf(command.hvn % vm.hostPages));
      return;
    case 'collapse':
      collapseHugePage(agent, vm, hvnOf(command.hvn % vm.hostPages));
      return;
    case 'drop':
      for (const pfn of stable.splice(0)) putPage(agent, vm, pfnOf(pfn));
      return;
    case 'flush':
      flushRemoteTlbs(agent, vm);
      return;
    case 'host': {
      const range = hvnOf(command.hvn % vm.hostPages);
      hostActs[command.act](world, range, Math.min(command.npages, vm.hostPages - range));
      return;
    }
    case 'age': {
      const first = hvnOf(command.hvn % vm.hostPages);
      const count = Math.min(command.npages, vm.hostPages - first);
      const young = testYoung(agent, vm, first, count);
      expect(clearYoung(agent, vm, first, count)).toBe(young);
      expect(testYoung(agent, vm, first, count)).toBe(0);
      return;
    }
    case 'flags': {
      const slot = model.slots.get(command.id);
      if (slot === undefined) return;
      const set = () => setMemslotFlags(agent, vm, slot.id, command.flags);
      if (((slot.flags ^ command.flags) & KVM_MEM_READONLY) !== 0) {
        expect(set).toThrow(RangeError);
        return;
      }
      set();
      const next = { ...slot, flags: command.flags };
      if (!isLogged(slot) || !isLogged(next)) model.harvest(slot);
      model.slots.set(slot.id, next);
      return;
    }
    case 'move': {
      const slot = model.slots.get(command.id);
      if (slot === undefined) return;
      const moved = slotOf({ ...slot, baseGfn: command.baseGfn });
      const move = () => moveMemslot(agent, vm, moved.id, moved.baseGfn);
      if (!model.hasRoomFor(moved, vm.hostPages, vm.gfnLimit)) {
        expect(move).toThrow(RangeError);
        return;
      }
      move();
      model.slots.set(slot.id, moved);
      return;
    }
    case 'delete': {
      const slot = model.slots.get(command.id);
      if (slot === undefined) return;
      deleteMemslot(agent, vm, slot.id);
      model.harvest(slot);
      model.slots.delete(slot.id);
      return;
    }
    case 'create': {
      const { do: _, ...fields } = command;
      const slot = slotOf(fields);
      const create = () => createMemslot(agent, vm, slot);
      const taken = model.slots.has(slot.id);
      if (taken || !model.hasRoomFor(slot, vm.hostPages, vm.gfnLimit)) {
        expect(create).toThrow(RangeError);
        return;
      }
      create();
      model.slots.set(slot.id, slot);
    }
  }
}

const HOST_ACTS = [
  'swap',
  'bring',
  'share',
  'give back',
  'move',
  'forget',
  'protect',
  'unprotect',
] as const;
type HostAct = (typeof HOST_ACTS)[number];

/** What a host does to its pages; none of it is anything that a guest sees, but what is forgotten. */
const hostActs: Record<HostAct, (world: World, hvn: Hvn, count: number) => void> = {
  swap: ({ bench, store }, hvn) => {
    const save = (pfn: Pfn) => store.set(hvn, wordsOf(bench, pfn));
    swapOut(bench.agent, bench.vm, hvn, { slot: hvn, save });
  },
  bring,
  share: ({ bench, kept }, hvn, count) => {
    if (kept.length > bench.vm.hostPages) return;
    sharePages(bench.agent, bench.vm, hvn, count, (_, pfn) => {
      kept.push({ pfn, words: wordsOf(bench, pfn) });
    });
  },
  'give back': ({ bench, kept }) => {
    for (const { pfn } of kept.splice(0)) putPage(bench.agent, bench.vm, pfnOf(pfn));
  },
  move: ({ bench }, hvn) => void movePage(bench.agent, bench.vm, hvn),
  forget: ({ bench, model }, hvn, count) => {
    dropPages(bench.agent, bench.vm, hvn, count);
    for (let page: number = hvn; page < hvn + count; page++) {
      model.everWritten.delete(page);
      for (let word = 0; word < PAGE_WORDS; word++) model.memory.delete(page * PAGE_WORDS + word);
    }
  },
  protect: ({ bench }, hvn, count) => protectPages(bench.agent, bench.vm, hvn, count),
  unprotect: ({ bench }, hvn, count) => unprotectPages(bench.agent, bench.vm, hvn, count),
};

function bring({ bench, store }: World, hvn: Hvn): void {
  const pager = bench.mems[3] as (typeof bench.mems)[0];
  installPage(pager, bench.vm, hvn, (pfn, slot) => {
    const words = store.get(slot) ?? [];
    words.forEach((word, n) => {
      pager.guestStore(pageBase(bench.vm, pfn) + n, word);
    });
  });
}

function take(
  { mems, vm }: Bench,
  client: number,
  range: Pick<Memslot, 'hvn' | 'npages'>,
): number[] {
  const pages: number[] = [];
  takeDirty(mems[3] as (typeof mems)[0], vm, range, client, (hvn) => pages.push(hvn));
  return pages;
}
const takeAll = (bench: Bench, client: number): number[] =>
  take(bench, client, { hvn: hvnOf(0), npages: bench.vm.hostPages });

/** More pages than were written may be found: a page mapped for a read counts, if it is writable. */
function harvest(world: World, slot: Memslot): void {
  const { bench, model } = world;
  const { agent, vm } = bench;
  if (vm.dirtyRing !== 0) {
    harvestAll(world);
    return;
  }
  const inLog = pagesIn(bench, vm.at.dirty_bitmap).filter((hvn) => isIn(slot, hvn));
  const told = isLogged(slot) ? inLog : [];
  expect(getDirtyLog(agent, vm, slot.id)).toBe(told.length);
  for (const hvn of told) model.found.add(hvn);
  if (vm.manualDirtyLogProtect === 'none') {
    const pages = takeAll(bench, AT_ONCE);
    expect(pages).toEqual(told);
    expect(pages).toEqual(expect.arrayContaining(model.harvest(slot)));
    return;
  }
  // Some it may have been told of by another's clear.
  const pages = take(bench, AT_ONCE, slot);
  expect(pages).toEqual(expect.arrayContaining(model.harvest(slot)));
  const bits = [pages.reduce((set, hvn) => set | (1 << (hvn - slot.hvn)), 0)];
  clearDirtyLog(agent, vm, slot.id, { ...wholeOf(slot), bits, client: AT_ONCE });
}

/** Of a VM with rings, which are not a slot's. */
function harvestAll({ bench, model }: World): void {
  const { agent, vm } = bench;
  harvestRings(agent, vm);
  resetDirtyRings(agent, vm);
  for (const id of model.slots.keys()) getDirtyLog(agent, vm, id);
  const pages = takeAll(bench, AT_ONCE);
  const written = [...model.slots.values()].flatMap((slot) => model.harvest(slot));
  expect(pages).toEqual(expect.arrayContaining(written));
  for (const hvn of pages) model.found.add(hvn);
}

/** What it clears it is not told of any more; the other client is. */
function clearForLater({ bench, model }: World, { id, bits }: { id: number; bits: number }): void {
  const slot = model.slots.get(id);
  if (slot === undefined || bench.vm.manualDirtyLogProtect === 'none') return;
  clearDirtyLog(bench.agent, bench.vm, id, { ...wholeOf(slot), bits: [bits], client: LATER });
}

const isIn = ({ hvn, npages }: Memslot, page: number): boolean =>
  page >= hvn && page < hvn + npages;
const wholeOf = ({ npages }: Memslot) => ({ firstPage: 0, numPages: npages });

/** ksmd's steps for two pages; with `interrupted`, a guest writes the second before it is merged. */
function merge(
  world: World,
  { kept: k, other: o, interrupted }: Extract<Command, { do: 'merge' }>,
): void {
  const { bench, model, stable } = world;
  const { agent, vm } = bench;
  const [kept, other] = [hvnOf(k % vm.hostPages), hvnOf(o % vm.hostPages)];
  const keptPte = writeProtectHostPage(agent, vm, kept);
  if (keptPte === 0 || kept === other) return;
  expect(makeKsmPage(agent, vm, kept, keptPte)).toBe(true);
  const pfn = hostPtePfn(keptPte);
  stable.push(pfn);
  const otherPte = writeProtectHostPage(agent, vm, other);
  if (otherPte === 0 || isHostPteKsm(otherPte)) return;
  if (!isSameContent(agent, vm, hostPtePfn(otherPte), pfn)) return;
  const gfn = Array.from({ length: vm.gfnLimit }, (_, n) => n).find(
    (n) => model.hvnAt(n) === other,
  );
  const slot = gfn === undefined ? undefined : model.slotAt(gfn);
  const written = interrupted && gfn !== undefined && slot !== undefined && !isReadonly(slot);
  if (written) run(world, { do: 'write', vcpu: 1, gfn, word: 0, value: 9 });
  expect(mergeWithKsmPage(agent, vm, other, otherPte, pfn)).toBe(!written);
}

/** Whatever else is true: the page table obeys its table of states and the host, and nothing leaks. */
function check(world: World): void {
  const { bench, model, stable, kept } = world;
  const { agent, vm } = bench;
  expect(kept.map(({ pfn }) => wordsOf(bench, pfn))).toEqual(kept.map(({ words }) => words));
  expect(illegalSptes(bench)).toEqual([]);
  const tooMuch: string[] = [];
  forEachSpte(agent, vm, ({ low, high }, level, gfn) => {
    if (!isLastSpte(low, level)) return;
    const writable = isWritable(low) || isHostWritable(low);
    for (let page = 0; page < pagesPerEntry(level, vm.geometry.indexBits); page++) {
      const hvn = model.hvnAt(gfn + page);
      const pte = hvn === undefined ? 0 : hostPteOf(bench, hvn);
      const same = isHostPtePresent(pte) && hostPtePfn(pte) === spteToPfn(low, high) + page;
      if (!same || (writable && !isHostPteWritable(pte))) tooMuch.push(`gfn ${gfn + page}`);
    }
    const slot = model.slotAt(gfn);
    // Initially set, it is protected when its bits are cleared.
    const late = vm.manualDirtyLogProtect === 'initially-set';
    if (level > 1 && isWritable(low) && isLogged(slot) && !late) tooMuch.push(`log of ${gfn}`);
  });
  expect(tooMuch).toEqual([]);
  const leftBehind: number[] = [];
  forEachSpte(agent, vm, (_, __, gfn) => leftBehind.push(gfn), invalidRoot(agent, vm));
  expect(leftBehind).toEqual([]);
  expect(lostDirty(world)).toEqual([]);
  expect(wrongMmioDecisions(world)).toEqual([]);
  const references = new Map<number, number>();
  const refer = (pfn: number) => references.set(pfn, (references.get(pfn) ?? 0) + 1);
  for (const pfn of stable) refer(pfn);
  for (const { pfn } of kept) refer(pfn);
  for (let hvn = 0; hvn < vm.hostPages; hvn++) {
    const pte = hostPteOf(bench, hvn);
    if (isHostPtePresent(pte)) refer(hostPtePfn(pte));
  }
  const pfns = Array.from({ length: vm.pageFrames }, (_, pfn) => pfn);
  expect(pfns.map((pfn) => pageRefcount(agent, vm, pfnOf(pfn)))).toEqual(
    pfns.map((pfn) => references.get(pfn) ?? 0),
  );
}

/** Pages that the guest has written, and neither their leaf nor the host's note of their frame says so. */
function lostDirty({ bench, model }: World): number[] {
  const { agent, vm } = bench;
  const dirty = new Set<number>();
  forEachSpte(agent, vm, ({ low, high }, level, gfn) => {
    if (!isLastSpte(low, level) || !isDirty(low, high)) return;
    for (let page = 0; page < pagesPerEntry(level, vm.geometry.indexBits); page++) {
      const hvn = model.hvnAt(gfn + page);
      if (hvn !== undefined) dirty.add(hvn);
    }
  });
  return [...model.everWritten].filter((hvn) => {
    const pfn = hostPtePfn(hostPteOf(bench, hvn));
    return (
      !dirty.has(hvn) &&
      !isHostPteMissing(hostPteOf(bench, hvn)) &&
      (pageFlags(agent, vm, pfn) & PG_DIRTY) === 0 &&
      !isHostPteKsm(hostPteOf(bench, hvn))
    );
  });
}

/** Gfns that have memory and would be taken for a device's, and MMIO sptes that name another gfn than their own. */
function wrongMmioDecisions({ bench, model }: World): string[] {
  const { agent, vm, guests } = bench;
  const word = agent.load32(vm.at.memslots);
  const wrong: string[] = [];
  for (let gfn = 0; gfn < vm.gfnLimit; gfn++) {
    const { low, high, level } = lastSpte(bench, gfn);
    const current = mmioSpteGeneration(low, high) === mmioGeneration(word);
    if (isMmioSpte(low, high)) {
      if (illegalState({ low, high }, level) !== undefined) wrong.push(`state of ${gfn}`);
      if (mmioSpteGfn(low, high) !== gfn) wrong.push(`name of ${gfn}`);
      if (current && model.slotAt(gfn) !== undefined) wrong.push(`spte of ${gfn}`);
    }
  }
  for (const { vcpu } of guests) {
    const { gfn, generation } = vcpu.fault.mmio;
    if (generation === word && model.slotAt(gfn) !== undefined) wrong.push(`cache of ${vcpu.id}`);
  }
  return wrong;
}

function checkAtEnd(world: World): void {
  const { bench, model } = world;
  for (const slot of model.slots.values()) harvest(world, slot);
  for (let gfn = 0; gfn < bench.vm.gfnLimit; gfn++) {
    for (const guest of bench.guests) {
      const words = Array.from({ length: PAGE_WORDS }, (_, word) => guest.read(gfn, word));
      expect(words).toEqual(words.map((_, word) => model.read(gfn, word)));
    }
  }
}

const GFNS = 12;
const gfn = fc.nat({ max: GFNS });
const hvn = fc.nat({ max: 11 });
const word = fc.nat({ max: PAGE_WORDS - 1 });
const vcpu = fc.constantFrom(0 as const, 1 as const);
const id = fc.nat({ max: 1 });
const flags = fc.constantFrom(0, 1, 0, 1, 0, 1, 2, 3);

const as = <Name extends Command['do'], Fields>(name: Name, fields: fc.Arbitrary<Fields>) =>
  fields.map((values) => ({ do: name, ...values }));
const access = { vcpu, gfn, word };
const command = fc.oneof(
  // Few values, so that pages often hold the same.
  { weight: 8, arbitrary: as('write', fc.record({ ...access, value: fc.nat({ max: 2 }) })) },
  { weight: 4, arbitrary: as('read', fc.record(access)) },
  { weight: 3, arbitrary: as('harvest', fc.record({ id })) },
  { weight: 1, arbitrary: as('take', fc.record({})) },
  { weight: 1, arbitrary: as('clear', fc.record({ id, bits: fc.nat({ max: 0xfff }) })) },
  {
    weight: 4,
    arbitrary: as('merge', fc.record({ kept: hvn, other: hvn, interrupted: fc.boolean() })),
  },
  { weight: 1, arbitrary: as('protect', fc.record({ hvn })) },
  { weight: 2, arbitrary: as('collapse', fc.record({ hvn })) },
  { weight: 1, arbitrary: as('drop', fc.record({})) },
  { weight: 1, arbitrary: as('flush', fc.record({})) },
  {
    weight: 6,
    arbitrary: as(
      'host',
      fc.record({
        act: fc.constantFrom(...HOST_ACTS),
        hvn,
        npages: fc.integer({ min: 1, max: 12 }),
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: as('age', fc.record({ hvn, npages: fc.integer({ min: 1, max: 12 }) })),
  },
  { weight: 2, arbitrary: as('flags', fc.record({ id, flags })) },
  { weight: 1, arbitrary: as('delete', fc.record({ id })) },
  { weight: 1, arbitrary: as('move', fc.record({ id, baseGfn: gfn })) },
  {
    weight: 2,
    arbitrary: as(
      'create',
      fc.record({ id, baseGfn: gfn, npages: fc.integer({ min: 1, max: 12 }), hvn, flags }),
    ),
  },
) as fc.Arbitrary<Command>;

const geometry = fc.record({
  levels: fc.integer({ min: 2, max: 3 }),
  indexBits: fc.integer({ min: 1, max: 3 }),
});
/** Often the MMIO sptes' generations are about to be used up. */
const generation = fc.oneof(
  fc.constant(0),
  fc.integer({ min: MMIO_SPTE_GEN_MASK - 8, max: MMIO_SPTE_GEN_MASK }),
);
/** Most of the time a slot is there from the start; else few commands would find one. */
const first = { do: 'create', id: 0, baseGfn: 0, npages: 4, hvn: 0, flags: 1 } as const;
const commands = fc
  .tuple(fc.boolean(), fc.array(command, { maxLength: 60, size: 'max' }))
  .map(([bare, rest]): Command[] => (bare ? rest : [first, ...rest]));

const VARIANTS: Record<string, Partial<VmConfig>> = {
  'with a bitmap': {},
  'cleared by hand': { manualDirtyLogProtect: 'enable' },
  'initially set': { manualDirtyLogProtect: 'initially-set' },
  'with rings': { dirtyRing: 4 },
  'with slots that go alone': { slotZapAll: false },
  'with roots that go by the gigabyte': { zapGranularity: '1G' },
  'without A/D bits': { adBits: false },
  'with PML': { pml: true },
  'with PML, cleared by hand': { pml: true, manualDirtyLogProtect: 'enable' },
  'over huge pages': { transparentHugepage: 'always' },
  'over huge pages, with slots that go alone': { transparentHugepage: 'always', slotZapAll: false },
  'over huge pages, split late': { transparentHugepage: 'always', eagerPageSplit: false },
  'over huge pages, without A/D bits': { transparentHugepage: 'always', adBits: false },
  'over huge pages, with PML, initially set, split late': {
    transparentHugepage: 'always',
    pml: true,
    manualDirtyLogProtect: 'initially-set',
    eagerPageSplit: false,
  },
  'with PML, initially set': { pml: true, manualDirtyLogProtect: 'initially-set' },
  'over huge pages, without A/D bits, initially set, split late': {
    transparentHugepage: 'always',
    adBits: false,
    manualDirtyLogProtect: 'initially-set',
    eagerPageSplit: false,
  },
  'over huge pages, with PML': { transparentHugepage: 'always', pml: true },
  'over huge pages, initially set': {
    transparentHugepage: 'always',
    manualDirtyLogProtect: 'initially-set',
  },
  'over huge pages, with rings': {
    transparentHugepage: 'always',
    eagerPageSplit: false,
    dirtyRing: 4,
  },
};
const BOTH_LOCKS = ['with a bitmap', 'over huge pages'];
const FAULT_LOCKS: readonly FaultLock[] =
  usedMmu() === 'tdp' ? ['shared', 'exclusive'] : ['exclusive'];
const CONFIGS = (['slow', 'merged', 'current'] as FaultPath[]).flatMap((faultPath) =>
  FAULT_LOCKS.flatMap((faultLock) =>
    Object.keys(VARIANTS)
      .filter((variant) => BOTH_LOCKS.includes(variant) || faultLock === FAULT_LOCKS[0])
      .map((variant) => ({ faultPath, faultLock, variant })),
  ),
);

/** A thread that waits is the only one awake: what its pager would do, or its VMM for a full ring, is done for it. */
function actsWhileItWaits(world: World): void {
  const { agent, vm, guests, mems } = world.bench;
  const wait = () => {
    const hvn = nextPageRequest(mems[3] as typeof agent, vm);
    if (hvn !== undefined) bring(world, hvn);
    else if (vm.dirtyRing !== 0) harvestAll(world);
    else throw new Error('expected somebody who waits for a page or a reset');
    return WAIT_WOKEN;
  };
  for (const mem of [agent, ...guests.map((guest) => guest.mem)]) Object.assign(mem, { wait });
  for (const { vcpu } of guests) {
    vcpu.memoryFault = (gpa) => {
      unprotectPages(agent, vm, hvnOf(world.model.hvnAt(gpaToGfn(gpa)) ?? 0), 1);
    };
  }
}

describe.each(CONFIGS)(
  'any sequence of accesses, harvests, merges and slot changes, path $faultPath, lock $faultLock, $variant',
  ({ variant, ...paths }) => {
    const config = { ...paths, ...VARIANTS[variant] };
    it('leaves memory, log and page table as the model says', () => {
      fc.assert(
        fc.property(geometry, commands, generation, (shape, sequence, before) => {
          const hostPages = Math.min(12, gfnLimit(shape));
          const bench = makeBench({
            ...config,
            geometry: shape,
            hostPages,
            pageFrames: 6 * hostPages,
            pageWords: PAGE_WORDS,
          });
          bench.agent.store32(bench.vm.at.memslots, before << 1);
          const world: World = {
            bench,
            model: new Model(),
            stable: [],
            kept: [],
            store: new Map(),
          };
          actsWhileItWaits(world);
          for (const step of sequence) {
            run(world, step);
            check(world);
          }
          checkAtEnd(world);
        }),
        { numRuns: 50 },
      );
    });
  },
);
