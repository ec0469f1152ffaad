// What the host withdraws, or asks for.
import { isLastSpte, isShadowPresent, type KvmTdpMmuSpteChanged } from '@faultline/mmu';
import type { NotifierAct } from './act.ts';
import type { KnownSlots } from './known-slots.ts';

/** May the change be of the notifier, which its task was told of before? It takes leaves, and leaves tables. */
export function isOfNotifier(
  { start, end, kind }: NotifierAct,
  change: KvmTdpMmuSpteChanged,
  slots: KnownSlots,
): boolean {
  if ((kind === 'unmap') === isShadowPresent(change.new_spte.low)) return false;
  if (!isLastSpte(change.old_spte.low, change.level)) return false;
  return slots.maps(change, start, end);
}
