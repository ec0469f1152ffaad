// An spte in a drawing: its value, and what is set in it that the fast path or a notifier asks for.
import { formatSpte, type Spte } from '@faultline/mmu';
import { type SpteLayout, viewSpte } from '../spte/spte-view.ts';

/** `102db8e65 [P U A D H M *]`, on Intel `...37 [R W X A D H M *]`; an empty one is its value alone. */
export function spteText(spte: Spte, layout: SpteLayout): string {
  if (layout === 'npt') return formatSpte(spte).replace(/^0x| \[\]$/g, '');
  const view = viewSpte(spte, 1, layout);
  const letters = [
    view.readable && 'R',
    view.writable && 'W',
    view.executable && 'X',
    view.accessed && 'A',
    view.dirty && 'D',
    view.hostWritable && 'H',
    view.mmuWritable && 'M',
    view.present && '*',
    view.accessTracked && 'tracked',
  ].filter((letter) => typeof letter === 'string');
  return letters.length === 0 ? hex(spte) : `${hex(spte)} [${letters.join(' ')}]`;
}

const hex = ({ low, high }: Spte): string =>
  ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16);
