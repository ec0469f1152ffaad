// KVM's legacy MMU maps neighbours of a page in advance. This MMU does not: each is mapped by a read fault of its own, and A
// taken away. KVM: direct_pte_prefetch().
import { isHostWritable, type KvmMmuSetSpte, spteToPfn } from '@faultline/mmu';
import type { FaultAct } from '../acts/act.ts';
import { gfnOf } from '../acts/fault-acts.ts';
import type { Conductor } from '../conductor.ts';
import { isPrefetched } from '../rules.ts';
import { tellingOf, whereOf } from '../telling.ts';
import type { Vcpus } from './vcpus.ts';

/** What the event at `index` sets beside the leaf of the fault itself, if it does. */
export function prefetchOf(
  { ledger, replayed }: Conductor,
  act: FaultAct,
  index: number,
): KvmMmuSetSpte | undefined {
  const { body } = ledger.event(index);
  if (replayed.vm.tdpMmuEnabled || body.event !== 'kvm_mmu_set_spte' || body.level > 1)
    return undefined;
  return isPrefetched(body, gfnOf(act)) ? body : undefined;
}

/** After the fault itself. */
export function prefetchAll(conductor: Conductor, vcpus: Vcpus, act: FaultAct): void {
  const { ledger } = conductor;
  for (const at of act.decisions) {
    const body = prefetchOf(conductor, act, at);
    if (body === undefined || !ledger.isOpen(at)) continue;
    ledger.close(at);
    const said = { expected: tellingOf(body), got: 'not in advance', where: whereOf(body) };
    ledger.differ('kvm_mmu_set_spte', at, said, 'prefetched');
    prefetch(conductor, vcpus, act, body);
  }
}

function prefetch(
  conductor: Conductor,
  vcpus: Vcpus,
  act: FaultAct,
  { gfn, spte }: KvmMmuSetSpte,
): void {
  const { replayed } = conductor;
  const slot = replayed.slotOf(gfn);
  if (slot === undefined) return;
  const { low, high } = replayed.words.toOurs(spte, 1);
  const pfn = spteToPfn(low, high);
  replayed.answer(slot, gfn, { pfn, writable: isHostWritable(low), huge: false });
  conductor.unheard(() => vcpus.read(act, gfn));
  replayed.tables.put({ gfn, level: 1 }, { low, high });
}
