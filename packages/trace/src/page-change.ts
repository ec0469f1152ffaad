// What an event says of the right to write one small page: the one place that knows which tracepoints tell it.
//
// A page whose dirty log is on is written for the first time since the last harvest exactly when it becomes writable, so
// 'written' is what the log sees. The TDP MMU tells of every page that it protects; the legacy and the shadow MMU do not.
import {
  type FastPageFault,
  isLastSpte,
  isShadowPresent,
  isWritable,
  type KvmTdpMmuSpteChanged,
  PAGE_SIZE,
  PFERR_WRITE_MASK,
} from '@faultline/mmu';
import type { TraceBody } from './trace-event.ts';

export interface PageChange {
  readonly change: 'written' | 'protected';
  readonly gfn: number;
}

/** Reads a trace's events in order. Of pages of 4 KiB only: larger ones are not logged. */
export class PageChanges {
  #tracesTdp = false;

  of(body: TraceBody): PageChange | undefined {
    if (body.event === 'fast_page_fault') return ofFastPageFault(body);
    if (body.event === 'kvm_tdp_mmu_spte_changed') {
      this.#tracesTdp = true;
      return ofTdpChange(body);
    }
    // The TDP MMU says the same once more.
    if (body.event !== 'kvm_mmu_set_spte' || this.#tracesTdp || body.level !== 1) return undefined;
    return isWritable(body.spte.low) ? { change: 'written', gfn: body.gfn } : undefined;
  }
}

/** The new spte may be write-protected again by the time the event reads it: `fixed` is what counts. */
function ofFastPageFault(body: FastPageFault): PageChange | undefined {
  if (!body.fixed || (body.error_code & PFERR_WRITE_MASK) === 0) return undefined;
  return { change: 'written', gfn: Math.floor(body.cr2_or_gpa / PAGE_SIZE) };
}

function ofTdpChange(body: KvmTdpMmuSpteChanged): PageChange | undefined {
  if (body.level !== 1) return undefined;
  const before = isLeafWritable(body.old_spte.low);
  const after = isLeafWritable(body.new_spte.low);
  if (after && !before) return { change: 'written', gfn: body.gfn };
  // To nothing is a zap: whoever writes next maps the page again, and the log sees that too.
  if (before && !after && isShadowPresent(body.new_spte.low)) {
    return { change: 'protected', gfn: body.gfn };
  }
  return undefined;
}

const isLeafWritable = (low: number): boolean =>
  isShadowPresent(low) && isLastSpte(low, 1) && isWritable(low);
