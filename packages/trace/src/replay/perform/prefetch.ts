// What the legacy MMU maps in advance, beside the page of a fault. It asks the host under mmu_lock, and maps what the host has by
// then: the trace says what that was. KVM: direct_pte_prefetch().
import { isHostWritable, type KvmMmuSetSpte, spteToPfn } from '@faultline/mmu';
import type { FaultAct } from '../acts/act.ts';
import { gfnOf } from '../acts/fault-acts.ts';
import type { Conductor } from '../conductor.ts';
import type { OpenInvalidations } from './open-invalidations.ts';

/** The small leaf that the event at `index` sets beside the fault's own, if it does. */
export function prefetchOf(
  { ledger }: Conductor,
  act: FaultAct,
  index: number,
): KvmMmuSetSpte | undefined {
  const { body } = ledger.event(index);
  if (body.event !== 'kvm_mmu_set_spte' || body.level > 1) return undefined;
  return body.gfn === gfnOf(act) ? undefined : body;
}

/** From now on the host has what the fault finds there; and nothing is being withdrawn, or it would not look. */
export function answerPrefetch(
  conductor: Conductor,
  invalidations: OpenInvalidations,
  act: FaultAct,
): void {
  const { replayed } = conductor;
  for (const at of act.decisions) {
    const body = prefetchOf(conductor, act, at);
    const slot = body === undefined ? undefined : replayed.slotOf(body.gfn);
    if (body === undefined || slot === undefined) continue;
    invalidations.endBeforePrefetch();
    const { low, high } = replayed.words.toOurs(body.spte, 1);
    const pfn = spteToPfn(low, high);
    replayed.answer(slot, body.gfn, { pfn, writable: isHostWritable(low), huge: false });
  }
}
