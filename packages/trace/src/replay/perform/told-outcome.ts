// What the trace tells the slow path of a fault to have done.
import {
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
  type Spte,
} from '@faultline/mmu';
import type { TraceBody } from '../../trace-event.ts';
import type { FaultAct } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';
import { prefetchOf } from './prefetch.ts';

export interface ToldOutcome {
  readonly ret: RetPf;
  readonly requested: Extract<TraceBody, { event: 'kvm_mmu_spte_requested' }> | undefined;
  /** What it left mapped. */
  readonly leaf: Spte | undefined;
}

/** Undefined when nothing is told. */
export function toldOutcome(conductor: Conductor, act: FaultAct): ToldOutcome | undefined {
  let told: ToldOutcome | undefined;
  for (const at of act.decisions) {
    if (prefetchOf(conductor, act, at) !== undefined) continue; // beside what the fault itself maps
    const more = tellsOf(conductor, act, at);
    if (more === undefined) continue;
    told = { ret: RET_PF_RETRY, requested: undefined, leaf: undefined, ...told, ...more };
  }
  return told;
}

/** What one event adds; undefined when it is not of the slow path. */
function tellsOf(
  { ledger, replayed }: Conductor,
  act: FaultAct,
  at: number,
): Partial<ToldOutcome> | undefined {
  const { body } = ledger.event(at);
  switch (body.event) {
    case 'fast_page_fault':
    case 'kvm_dirty_ring_push':
      return undefined;
    case 'kvm_mmu_spte_requested':
      return { requested: body };
    case 'kvm_mmu_set_spte': {
      // Without a change it left what it found. The legacy MMU tells of none.
      const isLeft = act.leaf === undefined && replayed.vm.tdpMmuEnabled;
      return { ret: isLeft ? RET_PF_SPURIOUS : RET_PF_FIXED, leaf: body.spte };
    }
    case 'mark_mmio_spte':
    case 'handle_mmio_page_fault':
      return { ret: RET_PF_EMULATE };
    case 'kvm_tdp_mmu_spte_changed':
      return at === act.leaf ? { leaf: body.new_spte } : {};
    default:
      return {};
  }
}
