// What must be true when every thread has ended: nothing was lost, and nobody holds more than the host grants.
import { connectThread, findDamage, type Shared } from '@faultline/atomics';
import {
  forEachSpte,
  type Gfn,
  type Hvn,
  hostPtePfn,
  hostPtep,
  illegalState,
  isHostPtePresent,
  isHostPteWritable,
  isWritable,
  readMemslots,
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
  /** Sptes with illegal bits, or with a page or right that the host's page table does not give: must be 0. */
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
    else if (level === 1 && !isGranted(gfn, spte.low, spte.high)) wrong++;
  });
  return wrong;

  function isGranted(gfn: Gfn, low: number, high: number): boolean {
    const slot = slots.find((s) => gfn >= s.baseGfn && gfn < s.baseGfn + s.npages);
    if (slot === undefined) return false;
    const pte = mem.load32(hostPtep(vm, (slot.hvn + gfn - slot.baseGfn) as Hvn));
    const samePage = isHostPtePresent(pte) && hostPtePfn(pte) === spteToPfn(low, high);
    return samePage && (!isWritable(low) || isHostPteWritable(pte));
  }
}
