// A fault of a nested guest is not replayed: its leaves are in tables that shadow the guest's own. What it does to the world
// outside those tables is done: the host has its pages, and the log has those that it may write.
import {
  isHostWritable,
  isShadowPresent,
  isWritable,
  markPageDirty,
  spteToPfn,
} from '@faultline/mmu';
import type { TraceBody } from '../../trace-event.ts';
import type { NestedFaultAct } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';

/** A change of an entry of the guest's own tables is no part of it, and remains a difference. */
export function leaveOutNested(conductor: Conductor, act: NestedFaultAct, index: number): void {
  if (index !== act.at || act.state !== 'waiting') return;
  act.state = 'running';
  conductor.ledger.verdicts.leaveOut('nested-guest');
  const compared = act.decisions.filter((at) => reachesOut(conductor.ledger.event(at).body));
  conductor.during(act, compared, { steered: false }, () => {
    for (const at of act.decisions) follow(conductor, act, conductor.ledger.event(at).body);
  });
  act.state = 'done';
}

const reachesOut = ({ event }: TraceBody): boolean =>
  event === 'kvm_tdp_mmu_spte_changed' || event === 'kvm_dirty_ring_push';

/** A small page that the nested guest may access from now on; what is logged is mapped small. */
function follow(conductor: Conductor, { fault }: NestedFaultAct, body: TraceBody): void {
  if (body.event !== 'kvm_mmu_set_spte' || body.level > 1 || !isShadowPresent(body.spte.low))
    return;
  const { gfn, spte } = body;
  const { replayed } = conductor;
  const vcpu = replayed.vcpus[fault.vcpu_id];
  const slot = replayed.slotOf(gfn);
  if (slot === undefined || vcpu === undefined) return;
  const { low, high } = replayed.words.toOurs(spte, 1);
  const pfn = spteToPfn(low, high);
  replayed.answer(slot, gfn, { pfn, writable: isHostWritable(low), huge: false });
  if (isWritable(low)) markPageDirty(vcpu.mem, replayed.vm, slot, gfn);
}
