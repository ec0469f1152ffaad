// Which rule covers that a fault of the trace did something that this MMU did not do.
import { isUpdateInProgress, type KvmTdpMmuSpteChanged, mmioGeneration } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { FaultAct } from './acts/act.ts';
import { gfnOf } from './acts/fault-acts.ts';
import type { ReplayedVm } from './replayed-vm.ts';
import { isKeptLeaf, isOfStaleMmio, type Rule } from './rules.ts';
import { ADDRESS_SPACES, isSame } from './spte-words.ts';

export function explain(replayed: ReplayedVm, act: FaultAct, body: TraceBody): Rule | undefined {
  if (findsUpdate(replayed, act, body)) return 'memslots-in-update';
  const change = leafChange(replayed, body);
  return change !== undefined && isKeptLeaf(change, act.fault.error_code) ? 'kept-leaf' : undefined;
}

type LeafChange = Pick<KvmTdpMmuSpteChanged, 'old_spte' | 'new_spte' | 'level'>;

/** The change of a leaf that is here as the kernel found it. */
function leafChange({ tables, words, vm }: ReplayedVm, body: TraceBody): LeafChange | undefined {
  if (body.event === 'kvm_mmu_set_spte' && !vm.tdpMmuEnabled) {
    // The legacy MMU tells of the new leaf alone.
    const old_spte = tables.read({ gfn: body.gfn, level: body.level });
    const new_spte = words.toOurs(body.spte, body.level);
    if (old_spte === undefined || isSame(old_spte, new_spte)) return undefined;
    return { old_spte, new_spte, level: body.level };
  }
  if (body.event !== 'kvm_tdp_mmu_spte_changed') return undefined;
  const { gfn, level, old_spte } = body;
  const now = tables.read({ gfn, level });
  return now !== undefined && isSame(now, words.toOurs(old_spte, level)) ? body : undefined;
}

/** Has it no memory, and are the memslots being replaced, so that this MMU leaves nothing? */
function findsUpdate(replayed: ReplayedVm, act: FaultAct, body: TraceBody): boolean {
  const { agent, vm } = replayed;
  const memslots = agent.load32(vm.at.memslots);
  if (!isUpdateInProgress(memslots)) return false;
  if (replayed.slotOf(gfnOf(act)) !== undefined) return false;
  return isOfStaleMmio(body, mmioGeneration(memslots) * ADDRESS_SPACES);
}
