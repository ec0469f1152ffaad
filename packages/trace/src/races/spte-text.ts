// An spte in a drawing: its value, and the bits that are set.
import { formatSpte, type Spte } from '@faultline/mmu';

/** `102db8e65 [P U A D H M *]`; an empty one is its value alone. */
export const spteText = (spte: Spte): string => formatSpte(spte).replace(/^0x| \[\]$/g, '');
