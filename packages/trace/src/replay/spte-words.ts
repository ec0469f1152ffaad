// The sptes of a trace in the words of the replayed VM. What is a number of the kernel's own is translated: page frames,
// the frames of tables, the non-present value of its version, the generation, which KVM counts once per address space.
import {
  FROZEN_SPTE,
  isLastSpte,
  isMmioSpte,
  isShadowPresent,
  makeMmioSpte,
  makeSpte,
  mmioSpteGeneration,
  mmioSpteGfn,
  type Pfn,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  SHADOW_NONPRESENT,
  type Spte,
  spteToPfn,
} from '@faultline/mmu';
import type { FrameMap } from './frame-map.ts';

/** KVM: KVM_MAX_NR_ADDRESS_SPACES, one more for system management mode. */
export const ADDRESS_SPACES = 2;
const FLAGS = 0xfff;
const HIGH_FLAGS = ~0x000f_ffff;
export const HARDWARE_BITS: number = PT_ACCESSED_MASK | PT_DIRTY_MASK;

export class SpteWords {
  readonly #frames: FrameMap;
  /** Frames of the kernel's tables, and of ours. */
  readonly #tables = new Map<number, number>();

  constructor(frames: FrameMap) {
    this.#frames = frames;
  }

  /** Frame of the host to frame of the VM. */
  frame(pfn: number): Pfn {
    return this.#frames.toOurs(pfn);
  }

  /** From now on the kernel's table is this one of ours. */
  pairTables(told: Spte, ours: Spte): void {
    this.#tables.set(spteToPfn(told.low, told.high), spteToPfn(ours.low, ours.high));
  }

  toOurs(told: Spte, level: number): Spte {
    const { low, high } = told;
    if (isMmioSpte(low, high)) return mmioToOurs(told);
    if (!isShadowPresent(low)) return low === FROZEN_SPTE.low ? FROZEN_SPTE : SHADOW_NONPRESENT;
    const pfn = spteToPfn(low, high);
    const frame = isLastSpte(low, level) ? this.frame(pfn) : (this.#tables.get(pfn) ?? 0);
    const address = makeSpte(frame as Pfn, false);
    return {
      low: (address.low & ~FLAGS) | (low & FLAGS),
      high: (address.high & ~HIGH_FLAGS) | (high & HIGH_FLAGS),
    };
  }
}

function mmioToOurs({ low, high }: Spte): Spte {
  const gen = mmioSpteGeneration(low, high) / ADDRESS_SPACES;
  const ours = makeMmioSpte(gen, mmioSpteGfn(low, high));
  return { low: (ours.low & ~ACCESS) | (low & ACCESS), high: ours.high };
}
const ACCESS = 7;

export const isSame = (a: Spte, b: Spte): boolean => a.low === b.low && a.high === b.high;
/** But for A and D. */
export const isSameButHardware = (a: Spte, b: Spte): boolean =>
  a.high === b.high && ((a.low ^ b.low) & ~HARDWARE_BITS) === 0;
