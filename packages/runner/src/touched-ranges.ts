// Where the guest's memory may lie, of a trace that does not say: ranges around what was touched.

/** Pages from `from` up to, and not with, `to`. */
export interface GfnRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges are apart where nothing was touched for so many pages: 128 MiB. */
export const LEAST_GAP: number = 1 << 15;

/** At most `most` ranges that hold every one of `gfns`: apart at the widest gaps, of LEAST_GAP or more. */
export function touchedRanges(gfns: Iterable<number>, most: number): GfnRange[] {
  const sorted = [...new Set(gfns)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((gfn, index) => gfn - (sorted[index] as number));
  const [tooMany = 0] = gaps.toSorted((a, b) => b - a).slice(most - 1);
  const least = Math.max(LEAST_GAP, tooMany + 1);
  const ranges: { from: number; to: number }[] = [];
  sorted.forEach((gfn, index) => {
    const last = ranges.at(-1);
    if (last !== undefined && (gaps[index - 1] as number) < least) last.to = gfn + 1;
    else ranges.push({ from: gfn, to: gfn + 1 });
  });
  return ranges;
}
