// A guest of the guest without nested paging is mapped as the guest is, but under a root of its own: KVM's role.guest_mode.
// Whatever is protected or withdrawn in the guest's own page table is so in that one too.
import {
  clearYoung,
  type Gfn,
  type Hvn,
  invalidateRangeEnd,
  invalidateRangeStart,
  protectRange,
  testYoung,
  zapInvalidRoot,
} from '@faultline/mmu';
import type { NotifierAct } from '../acts/act.ts';
import type { ReplayedVm } from '../replayed-vm.ts';

/** Does `body` with the page table of the nested guest, when it has one that no rmap leads to. */
function inNested(replayed: ReplayedVm, body: () => void): void {
  if (!replayed.vm.tdpMmuEnabled) return;
  if (replayed.running.includes('nested guest')) replayed.under('nested guest', body);
}

/** Protects `pages` of a slot from `baseGfn` on, counted from its first. */
export function protectNested(replayed: ReplayedVm, baseGfn: Gfn, pages: Iterable<number>): void {
  inNested(replayed, () => {
    for (const page of pages) {
      const start = (baseGfn + page) as Gfn;
      protectRange(replayed.agent, replayed.vm, { start, end: (start + 1) as Gfn });
    }
  });
}

/** Its root was given up with that of the guest. */
export const zapNestedRoot = (replayed: ReplayedVm): void =>
  inNested(replayed, () => zapInvalidRoot(replayed.agent, replayed.vm));

/** Host pages are withdrawn, or asked for. */
export function notifyNested(
  replayed: ReplayedVm,
  kind: NotifierAct['kind'],
  hvn: Hvn,
  count: number,
): void {
  const { agent } = replayed;
  inNested(replayed, () => {
    if (kind === 'unmap') {
      // Only what is mapped: that nobody maps it meanwhile the guest's own invalidation says.
      invalidateRangeStart(agent, replayed.vm, hvn, count);
      invalidateRangeEnd(agent, replayed.vm, hvn, count);
    } else if (kind === 'age') clearYoung(agent, replayed.vm, hvn, count);
    else testYoung(agent, replayed.vm, hvn, count);
  });
}
