// What a fast path that declined had found, from the spte of its event.
import type { Spte } from '@faultline/mmu';
import { type SpteLayout, viewSpte } from '../spte/spte-view.ts';
import type { Look } from './fault.ts';

/** In both layouts; the event does not say the level. */
const PAGE_SIZE_BIT = 1 << 7;

export function lookOf(spte: Spte, layout: SpteLayout): Look {
  const view = viewSpte(spte, 1, layout);
  if (!view.present) return 'gone';
  if (view.accessTracked) return 'access_tracked';
  if (!view.hostWritable) return 'host_read_only';
  if ((spte.low & PAGE_SIZE_BIT) !== 0) return 'huge';
  return view.mmuWritable ? 'other' : 'write_tracked';
}
