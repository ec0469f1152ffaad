// The words of a small VM by the names that drawings use, each with its bits decoded.
import { modeAddress, requestsAddress, type SeamMap } from '@faultline/atomics';
import type { NamedWord } from '@faultline/checker';
import {
  clientBitmap,
  dirtyGfnAt,
  dirtyIndex,
  entryAt,
  type Gfn,
  type Hvn,
  harvestIndex,
  hostPtep,
  type Pfn,
  pageBase,
  resetIndex,
  rmapHead,
  type Sptep,
  type Vm,
} from '@faultline/mmu';
import {
  type Format,
  formatBitmap,
  formatDirtyGfn,
  formatHostPte,
  formatLeaf,
  formatLock,
  formatMemslots,
  formatMode,
  formatRequests,
  formatRwlock,
  formatTable,
} from './formats.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

export interface Cast {
  /** Page frames that the host has. */
  readonly pfns: readonly number[];
  /** Of all threads, in order. */
  readonly threads: readonly string[];
}

/** All that a drawing may have to name, but for the memslots. */
export function namedWords(vm: Vm, map: SeamMap, { pfns, threads }: Cast): NamedWord[] {
  const { at } = vm;
  const word = (name: string, address: number, format?: Format): NamedWord =>
    format === undefined ? { name, address } : { name, address, format };
  return [
    ...tableWords(vm, map),
    ...upTo(vm.hostPages).map((hvn) =>
      word(`host pte ${hvn}`, hostPtep(vm, hvn as Hvn), formatHostPte),
    ),
    word('mmu_lock', at.mmu_lock, formatRwlock),
    word('valid gen', at.mmu_valid_gen),
    word('seq', at.mmu_invalidate_seq),
    word('in progress', at.mmu_invalidate_in_progress),
    word('range start', at.mmu_invalidate_range),
    word('range end', at.mmu_invalidate_range + 4),
    word('slots_lock', at.slots_lock, formatLock),
    word('memslots', at.memslots, formatMemslots),
    word('mn_invalidate_lock', at.mn_invalidate_lock, formatLock),
    word('mn_active_invalidate_count', at.mn_active_invalidate_count),
    word('vcpus paused', at.vcpus_paused),
    word('dirty log', at.dirty_bitmap, formatBitmap),
    ...upTo(vm.dirtyRing === 0 ? 0 : vm.vcpus).flatMap((vcpu) => ringWords(vm, vcpu)),
    ...upTo(vm.dirtyClients).map((client) =>
      word(`client ${client}`, clientBitmap(vm, client), formatBitmap),
    ),
    word('host page table lock', at.host_page_table_lock, formatLock),
    word('free pages lock', at.free_pages_lock, formatLock),
    word('free pages', at.free_pages),
    ...threads.map((name, thread) => word(`request of ${name}`, at.page_requests + (thread << 2))),
    word('page request seq', at.page_request_seq),
    ...upTo(vm.tdpMmuEnabled ? 0 : vm.hostPages).map((hvn) =>
      word(`rmap ${hvn}`, rmapHead(vm, hvn as Hvn, 1)),
    ),
    ...pfns.map((pfn) => word(`pfn${pfn} refs`, at.page_refcount + (pfn << 2))),
    ...pfns.map((pfn) => word(`pfn${pfn} flags`, at.page_flags + (pfn << 2))),
    ...pfns.flatMap((pfn) => pageWords(vm, pfn as Pfn)),
    ...threads.flatMap((name, thread) => [
      word(`${name} mode`, modeAddress(thread), formatMode),
      word(`${name} requests`, requestsAddress(thread), formatRequests),
    ]),
  ];
}

/** With one level, the root holds the leaves; else `root[0]` leads to a table, whose entries are called by their place. */
function tableWords(vm: Vm, map: SeamMap): NamedWord[] {
  const entries = upTo(1 << vm.geometry.indexBits);
  if (vm.geometry.levels === 1) {
    return vm.roots.flatMap((root, n) =>
      entries.map((gfn) => ({
        name: n === 0 ? `spte ${gfn}` : `root${n} spte ${gfn}`,
        address: entryAt(vm, root, gfn as Gfn, 1),
        bytes: 8,
        format: formatLeaf,
      })),
    );
  }
  return upTo(map.frames).flatMap((frame) => {
    const table = map.framesAt + frame * map.frameBytes;
    const root = vm.roots.indexOf(table as Sptep);
    const isRoot = root >= 0;
    const called = isRoot ? `root${root === 0 ? '' : root}` : `table${frame}`;
    return entries.map(
      (index): NamedWord => ({
        name: `${called}[${index}]`,
        address: table + (index << 3),
        bytes: 8,
        format: isRoot || vm.geometry.levels > 2 ? formatTable : formatLeaf,
      }),
    );
  });
}

function ringWords(vm: Vm, vcpu: number): NamedWord[] {
  const ring = `ring ${vcpu}`;
  return [
    { name: `${ring} dirty`, address: dirtyIndex(vm, vcpu) },
    { name: `${ring} harvest`, address: harvestIndex(vm, vcpu) },
    { name: `${ring} reset`, address: resetIndex(vm, vcpu) },
    ...upTo(vm.dirtyRing).flatMap((index): NamedWord[] => {
      const entry = dirtyGfnAt(vm, vcpu, index);
      return [
        { name: `${ring}[${index}]`, address: entry, format: formatDirtyGfn },
        { name: `${ring}[${index}] slot`, address: entry + 4 },
        { name: `${ring}[${index}] offset`, address: entry + 8 },
      ];
    }),
  ];
}

const pageWords = (vm: Vm, pfn: Pfn): NamedWord[] =>
  upTo(vm.pageWords).map((index) => ({
    name: `pfn${pfn} content${vm.pageWords === 1 ? '' : `[${index}]`}`,
    address: pageBase(vm, pfn) + index,
    object: 'ram',
  }));
