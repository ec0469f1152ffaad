// What ksmd relies on: from the moment a page is protected its content stands still, or its host pte changes.
import type { Shared } from '@faultline/atomics';
import { hostPtePfn, pageBase, type Vm } from '@faultline/mmu';
import type { Protect } from '../host-acts.ts';
import type { AgentBody, VmEnd } from '../setting.ts';
import { hostPte, hvn0 } from '../small-vm.ts';

interface Protected {
  readonly pte: number;
  readonly content: number;
}

const contentBehind = (mem: Shared, vm: Vm, pte: number): number =>
  mem.guestLoad(pageBase(vm, hostPtePfn(pte)));

/** Protects host page 0, then reads it. */
export const protectAndRead =
  (protect: Protect): AgentBody =>
  (mem, vm): Protected => {
    const pte = protect(mem, vm, hvn0);
    return { pte, content: contentBehind(mem, vm, pte) };
  };

/** Of an agent called ksmd. */
export const protectedPageStandsStill: VmEnd = (mem, vm, { ksmd }) => {
  const { pte, content } = ksmd as Protected;
  return hostPte(mem, vm, hvn0) !== pte || contentBehind(mem, vm, pte) === content;
};
