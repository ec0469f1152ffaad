// How a fault ended, in words.
import {
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from '@faultline/mmu';

/** The MMU threw: an invariant that the page tables of the trace do not keep. */
export const BROKEN = 0;
export type Outcome = RetPf | typeof BROKEN;

const NAMES: Readonly<Record<number, string>> = {
  [BROKEN]: 'a broken invariant',
  [RET_PF_RETRY]: 'retry',
  [RET_PF_EMULATE]: 'emulate',
  [RET_PF_INVALID]: 'invalid',
  [RET_PF_FIXED]: 'fixed',
  [RET_PF_SPURIOUS]: 'spurious',
};

export const outcomeName = (outcome: number): string => NAMES[outcome] ?? `error ${outcome}`;
