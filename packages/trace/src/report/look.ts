// What a fast path that declined had found, from the spte of its event.
import { isShadowPresent, type Spte } from '@faultline/mmu';
import type { Look } from './fault.ts';

/** NPT's and the shadow MMU's, or EPT's: software bits lie elsewhere. */
export type SpteFormat = 'npt' | 'ept';

const RIGHTS = 0b111;
const PAGE_SIZE_BIT = 1 << 7;
const AD_TYPE = 0b11 << (52 - 32);

const isHostWritable = ({ low, high }: Spte, format: SpteFormat): boolean =>
  format === 'ept' ? ((high >>> (57 - 32)) & 1) === 1 : ((low >>> 9) & 1) === 1;
export const isMmuWritable = ({ low, high }: Spte, format: SpteFormat): boolean =>
  format === 'ept' ? ((high >>> (58 - 32)) & 1) === 1 : ((low >>> 10) & 1) === 1;

export function lookOf(spte: Spte, format: SpteFormat): Look {
  if (!isShadowPresent(spte.low)) return 'gone';
  if ((spte.low & RIGHTS) === 0 && (spte.high & AD_TYPE) !== 0) return 'access_tracked';
  if (!isHostWritable(spte, format)) return 'host_read_only';
  if ((spte.low & PAGE_SIZE_BIT) !== 0) return 'huge';
  return isMmuWritable(spte, format) ? 'other' : 'write_tracked';
}
