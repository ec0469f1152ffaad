// What both formats of an spte have in the same bits. KVM: arch/x86/kvm/mmu/spte.h.
import type { Gfn, Pfn } from '@faultline/mmu';
import type { Halves } from '../halves.ts';
import type { MmioView, SpteLayout, SpteView } from './spte-view.ts';

const bit = (n: number): number => 1 << n;

export const WRITABLE: number = bit(1);
/** Above level 1: a leaf. */
export const PAGE_SIZE_BIT: number = bit(7);
export const MMU_PRESENT: number = bit(11);
/** Bits 5, 7, 8 and 10, with bit 63 (6.12) or without it (6.1). Nothing else has them without MMU_PRESENT. */
const FROZEN = 0x5a0;

// In the high half:
const PFN_HIGH = 0x000f_ffff;
/** Bits 52 and 53: 0 hardware keeps A and D, 1 it does not, 2 only for write protection under a nested guest. */
const AD_TYPE: number = bit(52 - 32) | bit(53 - 32);
const AD_DISABLED: number = bit(52 - 32);
/** Where an access-tracked spte keeps bits 0 (R, or P) and 2 (X, or U). */
const SAVED_SHIFT = 54 - 32;

/** Without bit 63 a non-present spte is 6.1's, with it 6.12's: both are none. */
export const isFrozenWord = ({ low, high }: Halves): boolean =>
  low === FROZEN && (high & ~bit(31)) === 0;
export const isPresentWord = ({ low }: Halves): boolean => (low & MMU_PRESENT) !== 0;
export const isLeafWord = ({ low }: Halves, level: number): boolean =>
  level === 1 || (low & PAGE_SIZE_BIT) !== 0;
export const keepsAD = ({ high }: Halves): boolean => (high & AD_TYPE) !== AD_DISABLED;
/** Bits 0 to 2 as an access-tracked spte will have them again; without W, which it does not keep. */
export const savedRights = ({ high }: Halves): number => (high >>> SAVED_SHIFT) & 0b101;
export const pfnOf = ({ low, high }: Halves): Pfn =>
  ((low >>> 12) + (high & PFN_HIGH) * 2 ** 20) as Pfn;

const GEN_LOW_BITS = 8;
const GEN_HIGH_BITS = 11;

/** Bits 3 to 10 and 52 to 62 are the generation, bits 12 to 50 the gfn; bit 51 is reserved to hardware on AMD. */
export const mmioOf = ({ low, high }: Halves): MmioView => ({
  gfn: ((low >>> 12) + (high & (PFN_HIGH >> 1)) * 2 ** 20) as Gfn,
  generation:
    ((low >>> 3) & (bit(GEN_LOW_BITS) - 1)) |
    (((high >>> 20) & (bit(GEN_HIGH_BITS) - 1)) << GEN_LOW_BITS),
});

/** An entry that maps nothing. */
export const nothing = (
  layout: SpteLayout,
  kind: 'none' | 'frozen' | 'mmio',
  mmio?: MmioView,
): SpteView => ({
  layout,
  kind,
  present: false,
  readable: false,
  writable: false,
  executable: false,
  hostWritable: false,
  mmuWritable: false,
  accessed: undefined,
  dirty: undefined,
  accessTracked: false,
  pfn: undefined,
  mmio,
});
