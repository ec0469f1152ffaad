// Which guest memory hurts most.
import type { HotRange, Report } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { gfn, millions, share, sizeOfPages, stallHead } from '../units.ts';

const SHOWN = 5;
/** Of so few ranges everybody sees which is the hot one. */
const FEW = 4;
/** Memory that takes half of the stall is a hot spot where it is less than this share of what faults. */
const HOT = 0.15;

export function ranges({ ranges: all, unit }: Report, options: { readonly all: boolean }): Section {
  const total = all.reduce((sum, { stall }) => sum + stall, 0);
  const shown = options.all ? all : all.slice(0, SHOWN);
  return {
    title: `Guest memory that costs most${options.all ? '' : `, ${shown.length} of ${all.length} ranges`}`,
    table: {
      head: ['size', 'faults', 'a page', 'fast', stallHead(unit), 'share'],
      rows: shown.map((range) => ({
        name: `gfn ${gfn(range.firstGfn)}-${gfn(range.lastGfn)}`,
        cells: [
          sizeOfPages(pagesOf(range)),
          count(range.faults),
          (range.faults / pagesOf(range)).toFixed(1),
          share(range.fast, range.faults),
          millions(range.stall),
          share(range.stall, total),
        ],
      })),
    },
    ...(all.length < FEW ? {} : { soWhat: [{ text: soWhat(all, total) }] }),
  };
}

const pagesOf = ({ firstGfn, lastGfn }: HotRange): number => lastGfn - firstGfn + 1;

/** How much memory takes half of the stall: a small part of what faults is a hot spot. */
function soWhat(all: readonly HotRange[], total: number): string {
  let stall = 0;
  let pages = 0;
  for (const range of all) {
    if (stall >= total / 2) break;
    stall += range.stall;
    pages += pagesOf(range);
  }
  const touched = all.reduce((sum, range) => sum + pagesOf(range), 0);
  const half = `half of the stall is in ${sizeOfPages(pages)} of ${sizeOfPages(touched)}`;
  return pages < touched * HOT
    ? `${half}: a hot spot; find out what the guest keeps there`
    : `${half}: no hot spot to move, pin or leave out`;
}
