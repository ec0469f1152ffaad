// Pages that the VMM has no more use for: their frames go back, and the next touch finds zeros. Linux: MADV_DONTNEED.
import type { Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { hostPteProtection, isHostPteEmpty } from './host-pte.ts';
import { replaceHostPtes } from './update-host-ptes.ts';

/**
 * Forgets what `count` pages from `hvn` on hold, a pager's content included: its slots are the caller's to free. What the
 * guest thereby finds changed is in no dirty log. Answers how many pages had anything.
 */
export const dropPages = (mem: Shared, vm: Vm, hvn: Hvn, count: number): number =>
  replaceHostPtes(mem, vm, { hvn, count }, (pte) =>
    isHostPteEmpty(pte) ? pte : hostPteProtection(pte),
  );
