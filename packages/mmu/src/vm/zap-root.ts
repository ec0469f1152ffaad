// Taking down what hangs on the invalid root, beside faults in the valid one. KVM: kvm_tdp_mmu_zap_invalidated_roots().
//
// Every vCPU was seen after the root was given up: none is in these tables, by hardware or by its fast path, and none has a
// translation from them. So nobody is flushed, nothing is frozen, and a table is free as soon as nothing leads to it: the
// wait for the vCPUs was the grace period too (litmus: root-frees-before-it-waits). KVM's faults walk outside the guest as
// well; it freezes, and frees by RCU.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { FROZEN_SPTE, isShadowPresent, leadsToTable, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { type Entry, setSpteAtomic, traceChange } from '../spte/update-spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';
import { invalidRoot } from './roots.ts';
import { isEmpty, zapLeafAtomic } from './zap.ts';

/** slots_lock held, and no other. */
export function zapInvalidRoot(mem: Shared, vm: Vm): void {
  mem.readLock(vm.at.mmu_lock);
  zapRoot(mem, vm, { table: invalidRoot(mem, vm), shared: true });
  mem.readUnlock(vm.at.mmu_lock);
}

/** Nothing is mapped afterwards: the VM goes, and no vCPU enters it any more. KVM: kvm_mmu_zap_all(). */
export function zapAll(mem: Shared, vm: Vm): void {
  mem.writeLock(vm.at.mmu_lock);
  for (const table of vm.roots) zapRoot(mem, vm, { table, shared: false });
  mem.writeUnlock(vm.at.mmu_lock);
}

interface Zap {
  readonly table: number;
  /** Is mmu_lock held for reading? Then others have it between two tables. */
  readonly shared: boolean;
}

const zapRoot = (mem: Shared, vm: Vm, zap: Zap): void =>
  zapTable(mem, vm, { ...zap, level: vm.geometry.levels, base: 0 as Gfn });

interface Table extends Zap {
  readonly level: number;
  /** Gfn of its first entry. */
  readonly base: Gfn;
}

/** Empties a table, and frees what is below each entry first. */
function zapTable(mem: Shared, vm: Vm, of: Table): void {
  const { level, shared } = of;
  for (const entry of entriesOf(vm, of)) {
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    if (isEmpty(old)) continue;
    if (level > 1 && leadsToTable(old.low)) {
      const child = { table: childTable(vm, old.low), level: level - 1, base: entry.gfn, shared };
      zapTable(mem, vm, child);
      if (shared) {
        // Whoever wants the lock for writing has it after each table. A notifier may zap leaves meanwhile; nobody does more.
        mem.readUnlock(vm.at.mmu_lock);
        mem.readLock(vm.at.mmu_lock);
      }
      setSpteAtomic(mem, entry, old, SHADOW_NONPRESENT);
      if (shared && mem.emit !== undefined) tellRemoved(mem, vm, child);
      mem.free(child.table);
    } else if (isShadowPresent(old.low) || level === vm.geometry.levels) {
      zapLeafAtomic(mem, vm, entry, old); // an MMIO spte goes with its table
    }
  }
}

/** KVM freezes the entries of a table that goes, and tells of each, unless it has the lock to itself. */
function tellRemoved(mem: Shared, vm: Vm, of: Table): void {
  for (const entry of entriesOf(vm, of)) {
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    traceChange(mem, entry, old, FROZEN_SPTE);
  }
}

function* entriesOf(vm: Vm, { table, level, base }: Table): Iterable<Entry> {
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    yield { sptep: entryAt(vm, table, gfn, level), gfn, level };
  }
}
