// What must be true when every thread has ended: nothing was lost, and nobody holds more than the host grants.
import { connectThread, findDamage, type Shared } from '@faultline/atomics';
import {
  forEachSpte,
  type Gfn,
  type Hvn,
  hostPtePfn,
  hostPtep,
  illegalState,
  invalidRoot,
  isHostPtePresent,
  isHostPteWritable,
  isLastSpte,
  isWritable,
  type Pfn,
  pagesPerEntry,
  readMemslots,
  type Spte,
  spteToPfn,
  type Vm,
} from '@faultline/mmu';
import { AGENTS, type Machine } from './machine.ts';
import { countDifferences } from './migration.ts';

export interface Verdict {
  /** Words of the VMM's memory compared with the ledger. */
  readonly words: number;
  /** Of those, how many differ: must be 0. */
  readonly wrongWords: number;
  /** Sptes with illegal bits, under a root that was given up, or with a page or right that the host does not give: must be 0. */
  readonly wrongSptes: number;
  /** A free page-table frame was written to: must be false. */
  readonly damagedFrame: boolean;
}

/** Compares everything. No thread of the machine runs. */
export function verify(machine: Machine): Verdict {
  const { vm, memory, ledger } = machine;
  const mem = connectThread(memory, vm.vcpus + AGENTS.main);
  let wrongWords = 0;
  for (let hvn = 0; hvn < vm.hostPages; hvn++) {
    wrongWords += countDifferences(mem, vm, hvn as Hvn, ledger);
  }
  return {
    words: ledger.length,
    wrongWords,
    wrongSptes: countWrongSptes(mem, vm),
    damagedFrame: findDamage(mem, memory.map) !== undefined,
  };
}

function countWrongSptes(mem: Shared, vm: Vm): number {
  const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  let wrong = 0;
  forEachSpte(mem, vm, (spte, level, gfn) => {
    if (illegalState(spte, level) !== undefined) wrong++;
    else if (isLastSpte(spte.low, level)) wrong += countNotGranted(gfn, spte, level);
  });
  forEachSpte(mem, vm, () => wrong++, invalidRoot(mem, vm));
  return wrong;

  /** Of the pages of one leaf. */
  function countNotGranted(first: Gfn, { low, high }: Spte, level: number): number {
    let bad = 0;
    for (let page = 0; page < pagesPerEntry(level, vm.geometry.indexBits); page++) {
      const pfn = (spteToPfn(low, high) + page) as Pfn;
      if (!isGranted((first + page) as Gfn, pfn, isWritable(low))) bad++;
    }
    return bad;
  }

  function isGranted(gfn: Gfn, pfn: Pfn, writable: boolean): boolean {
    const slot = slots.find((s) => gfn >= s.baseGfn && gfn < s.baseGfn + s.npages);
    if (slot === undefined) return false;
    const pte = mem.load32(hostPtep(vm, (slot.hvn + gfn - slot.baseGfn) as Hvn));
    const samePage = isHostPtePresent(pte) && hostPtePfn(pte) === pfn;
    return samePage && (!writable || isHostPteWritable(pte));
  }
}
