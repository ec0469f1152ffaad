// Taking down what hangs on the invalid root, beside faults in the valid one. KVM: kvm_tdp_mmu_zap_invalidated_roots().
//
// Every vCPU was seen after the root was given up: none is in these tables, by hardware or by its fast path, and none has a
// translation from them. So nobody is flushed, nothing is frozen, and a table is free as soon as nothing leads to it: the
// wait for the vCPUs was the grace period too (litmus: root-frees-before-it-waits). KVM's faults walk outside the guest as
// well; it freezes, and frees by RCU.
//
// Before KVM 6.9 whole tables go at once, of 1G each and of the root's entries, and the leaves with them (`zapGranularity`).
// Since then leaves go first, so that whoever wants the lock does not wait for all of a gigabyte.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import type { Spte } from '../event.ts';
import { tellHostPage } from '../host/page-flags.ts';
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

/** Empties a table, and frees what is below each entry: emptied first, unless it is large enough to go as a whole. */
function zapTable(mem: Shared, vm: Vm, of: Table): void {
  const { level, shared } = of;
  const { levels } = vm.geometry;
  const lowest = vm.zapGranularity === '1G' ? Math.min(PG_LEVEL_1G, levels) : 1;
  for (const entry of entriesOf(vm, of)) {
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    if (isEmpty(old)) continue;
    if (level > 1 && leadsToTable(old.low)) {
      const child = childOf(vm, of, entry, old);
      const isEmptied = level > lowest;
      if (isEmptied) zapTable(mem, vm, child);
      if (shared) {
        // Whoever wants the lock for writing has it after each table. A notifier may zap leaves meanwhile; nobody does more.
        mem.readUnlock(vm.at.mmu_lock);
        mem.readLock(vm.at.mmu_lock);
      }
      setSpteAtomic(mem, entry, old, SHADOW_NONPRESENT);
      if (isEmptied && mem.emit === undefined) mem.free(child.table);
      else dropTable(mem, vm, child);
    } else if (isShadowPresent(old.low) || level === levels) {
      zapLeafAtomic(mem, vm, entry, old); // an MMIO spte goes with its table
    }
  }
}
const PG_LEVEL_1G = 3;

/**
 * Frees a table that nothing leads to any more, and all below it. KVM freezes the entries of such a table and tells of each;
 * with the lock to itself, of those that map something.
 */
function dropTable(mem: Shared, vm: Vm, of: Table): void {
  for (const entry of entriesOf(vm, of)) {
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    if (of.shared || isShadowPresent(old.low)) traceChange(mem, entry, old, FROZEN_SPTE);
    if (of.level > 1 && leadsToTable(old.low)) dropTable(mem, vm, childOf(vm, of, entry, old));
    else tellHostPage(mem, vm, entry, old);
  }
  mem.free(of.table);
}

const childOf = (vm: Vm, { level, shared }: Table, { gfn: base }: Entry, { low }: Spte): Table => ({
  table: childTable(vm, low),
  level: level - 1,
  base,
  shared,
});

function* entriesOf(vm: Vm, { table, level, base }: Table): Iterable<Entry> {
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    yield { sptep: entryAt(vm, table, gfn, level), gfn, level };
  }
}
