// After a difference the page tables are made what the trace says.
import { isShadowPresent, leadsToTable, makeMmioSpte, type Spte } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { ReplayedVm } from './replayed-vm.ts';
import { ADDRESS_SPACES } from './spte-words.ts';

export function adopt(replayed: ReplayedVm, body: TraceBody): void {
  const { tables, vm } = replayed;
  if (body.event === 'kvm_tdp_mmu_spte_changed') adoptChange(replayed, body);
  // The legacy MMU tells of no change beside it.
  else if (body.event === 'mark_mmio_spte' && !vm.tdpMmuEnabled) {
    const { gfn, gen } = body;
    tables.put({ gfn, level: 1 }, makeMmioSpte(gen / ADDRESS_SPACES, gfn));
  }
}

type ChangeOf = Extract<TraceBody, { event: 'kvm_tdp_mmu_spte_changed' }>;

function adoptChange(
  { tables, words }: ReplayedVm,
  { gfn, level, old_spte, new_spte }: ChangeOf,
): void {
  if (level === 1 || !leadsToTable(new_spte.low)) {
    tables.put({ gfn, level }, words.toOurs(new_spte, level));
    return;
  }
  // A table of the kernel's. Where none was it is empty; else nobody knows what is in it.
  if (isShadowPresent(old_spte.low)) return;
  tables.reach({ gfn, level: level - 1 });
  words.pairTables(new_spte, tables.read({ gfn, level }) as Spte);
}
