// The events in which the MMU tells what it decided, and what each says of where its act is carried out.
import { isLastSpte, isMmioSpte, isShadowPresent } from '@faultline/mmu';
import type { TraceBody } from '../../trace-event.ts';
import type { Act, FaultAct } from './act.ts';

const DECISIONS = new Set<string>([
  'fast_page_fault',
  'kvm_mmu_spte_requested',
  'kvm_mmu_set_spte',
  'kvm_tdp_mmu_spte_changed',
  'kvm_mmu_split_huge_page',
  'mark_mmio_spte',
  'handle_mmio_page_fault',
  'check_mmio_spte',
  'kvm_mmu_zap_all_fast',
  'kvm_dirty_ring_push',
  'kvm_dirty_ring_reset',
]);

export const isDecision = (body: TraceBody): boolean => DECISIONS.has(body.event);

/** The event at `index` is of the act. */
export function noteDecision(act: Act, body: TraceBody, index: number): void {
  if (act.kind === 'fault') noteInFault(act, body, index);
  else if (act.kind === 'nested-fault') {
    if (body.event === 'kvm_mmu_set_spte' && act.at === act.begin) act.at = index;
  } else if (act.kind === 'unmap' && act.decisions.length === 1) {
    // The lock is taken after the notifier is told of: before the first change, not at the event.
    act.at = index;
  }
}

function noteInFault(act: FaultAct, body: TraceBody, index: number): void {
  if (body.event === 'fast_page_fault') {
    act.fast = index;
    act.at = index;
    return;
  }
  // Said by whichever path marks the page, right before the word that the path itself has.
  if (body.event === 'kvm_dirty_ring_push') return;
  if (body.event === 'check_mmio_spte') act.check = index;
  const isLeaf =
    body.event === 'kvm_tdp_mmu_spte_changed' &&
    ((isShadowPresent(body.new_spte.low) && isLastSpte(body.new_spte.low, body.level)) ||
      isMmioSpte(body.new_spte.low, body.new_spte.high));
  if (isLeaf) act.leaf = index;
  // At the leaf's change, when there is one: what comes after it is only said, and what came before led there.
  act.at = act.leaf ?? index;
}
