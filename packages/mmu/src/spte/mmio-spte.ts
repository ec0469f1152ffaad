// The spte of a gfn that is known to have no memory: hardware finds a reserved bit in it and says so, and what else is in it
// tells the fault what it needs. KVM: make_mmio_spte(), with SPTE_MMIO_ALLOWED_MASK's layout.
//
//   63   62 ... 52    51   50 ... 12   11   10 ... 3    2 1 0
//   0    gen 18-8     1    gfn         0    gen 7-0     U W P        (bit 11: MMU-present, bit 51: reserved)
//
// Only of the generation that is current does it count: of any other, the gfn may have memory by now.
import type { Gfn } from '../address.ts';
import type { Spte } from '../event.ts';
import { PT_USER_MASK, PT_WRITABLE_MASK, pfnToSpte, SHADOW_MMIO_VALUE, spteToPfn } from './spte.ts';

const GEN_LOW_BITS = 8;
const GEN_LOW_SHIFT = 3;
/** In `high`: bit 52 of the spte. */
const GEN_HIGH_SHIFT = 20;
const GEN_HIGH_BITS = 11;
const GEN_LOW_MASK = (1 << GEN_LOW_BITS) - 1;
const GEN_HIGH_MASK = (1 << GEN_HIGH_BITS) - 1;

/** 19 bits. */
export const MMIO_SPTE_GEN_MASK: number = (1 << (GEN_LOW_BITS + GEN_HIGH_BITS)) - 1;
/** All that an access to a device may be; an access right that nobody has taken away so far. */
export const SHADOW_MMIO_ACCESS_MASK: number = PT_WRITABLE_MASK | PT_USER_MASK;

export function makeMmioSpte(generation: number, gfn: Gfn): Spte {
  const { low, high } = pfnToSpte(gfn);
  const lowGen = (generation & GEN_LOW_MASK) << GEN_LOW_SHIFT;
  const highGen = (generation >>> GEN_LOW_BITS) << GEN_HIGH_SHIFT;
  return {
    low: low | lowGen | SHADOW_MMIO_ACCESS_MASK | SHADOW_MMIO_VALUE.low,
    high: high | highGen | SHADOW_MMIO_VALUE.high,
  };
}

export const mmioSpteGeneration = (low: number, high: number): number =>
  (((high >>> GEN_HIGH_SHIFT) & GEN_HIGH_MASK) << GEN_LOW_BITS) |
  ((low >>> GEN_LOW_SHIFT) & GEN_LOW_MASK);
export const mmioSpteGfn = (low: number, high: number): Gfn =>
  spteToPfn(low, high & ~SHADOW_MMIO_VALUE.high) as number as Gfn;
export const mmioSpteAccess = (low: number): number => low & SHADOW_MMIO_ACCESS_MASK;
