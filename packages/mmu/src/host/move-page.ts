// A page moves to another frame: compaction, or a node nearer by. Linux: migrate_pages(), try_to_migrate().
import type { Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_KSM,
  HOST_PTE_KSM_PROTECTED,
  HOST_PTE_SHARED,
  hostPtePfn,
  isHostPtePresent,
  makeHostPte,
} from './host-pte.ts';
import { allocPage, copyPage, putPage } from './page-frames.ts';
import { updateHostPtes } from './update-host-ptes.ts';

const FLAGS = 0xff;

/**
 * Gives the page another frame with the same content and rights. False when there is no frame, or others may hold it: such
 * a page would be copied, not moved. A fault in flight may have the old frame; it goes by the sequence number and retries.
 * Throws a RangeError when the host has no frame left.
 */
export function movePage(mem: Shared, vm: Vm, hvn: Hvn): boolean {
  const target = allocPage(mem, vm);
  const moved = updateHostPtes(mem, vm, { hvn, count: 1 }, (pte) => {
    if (!isHostPtePresent(pte) || (pte & (HOST_PTE_KSM | HOST_PTE_SHARED)) !== 0) return pte;
    copyPage(mem, vm, hostPtePfn(pte), target);
    return makeHostPte(target, pte & FLAGS & ~HOST_PTE_KSM_PROTECTED);
  });
  putPage(mem, vm, target);
  return moved === 1;
}
