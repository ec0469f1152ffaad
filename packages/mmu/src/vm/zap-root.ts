// Taking down what hangs on the invalid root, beside faults in the valid one. KVM: kvm_tdp_mmu_zap_invalidated_roots().
//
// Every vCPU was seen after the root was given up: none is in these tables, by hardware or by its fast path, and none has a
// translation from them. So nobody is flushed, nothing is frozen, and a table is free as soon as nothing leads to it: the
// wait for the vCPUs was the grace period too (litmus: root-frees-before-it-waits). KVM's faults walk outside the guest as
// well; it freezes, and frees by RCU.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { leadsToTable, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { setSpteAtomic } from '../spte/update-spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';
import { invalidRoot } from './roots.ts';
import { isEmpty, zapLeafAtomic } from './zap.ts';

/** slots_lock held, and no other. */
export function zapInvalidRoot(mem: Shared, vm: Vm): void {
  mem.readLock(vm.at.mmu_lock);
  const table = invalidRoot(mem, vm);
  zapTable(mem, vm, { table, level: vm.geometry.levels, base: 0 as Gfn });
  mem.readUnlock(vm.at.mmu_lock);
}

interface Table {
  readonly table: number;
  readonly level: number;
  /** Gfn of its first entry. */
  readonly base: Gfn;
}

/** Empties a table, and frees what is below each entry first. */
function zapTable(mem: Shared, vm: Vm, { table, level, base }: Table): void {
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    const entry = { sptep: entryAt(vm, table, gfn, level), gfn, level };
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    if (isEmpty(old)) continue;
    if (level > 1 && leadsToTable(old.low)) {
      const child = childTable(vm, old.low);
      zapTable(mem, vm, { table: child, level: level - 1, base: gfn });
      // Whoever wants the lock for writing has it after each table. A notifier may zap leaves meanwhile; nobody does more.
      mem.readUnlock(vm.at.mmu_lock);
      mem.readLock(vm.at.mmu_lock);
      setSpteAtomic(mem, entry, old, SHADOW_NONPRESENT);
      mem.free(child);
    } else zapLeafAtomic(mem, vm, entry, old);
  }
}
